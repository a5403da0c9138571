import type { Value } from '@qcore/contracts'
import { sameFieldValue, type FieldValue } from '@qcore/model'

/** Whether two values of a log are the same, by the rules of `sameFieldValue`. */
export function sameValue(a: Value | undefined, b: Value | undefined): boolean {
  const left = a?.kind
  const right = b?.kind
  if (left?.case === undefined || right?.case === undefined) return left?.case === right?.case
  if (left.case !== right.case) return false
  if (left.case === 'timestamp' && right.case === 'timestamp') {
    return left.value.seconds === right.value.seconds && left.value.nanos === right.value.nanos
  }
  return sameFieldValue(comparable(left), comparable(right))
}

function comparable(kind: Exclude<Value['kind'], { case: undefined }>): FieldValue {
  switch (kind.case) {
    case 'entityList':
      return kind.value.entityIds
    case 'timestamp':
      return kind.value.seconds
    default:
      return kind.value
  }
}
