import { ValueType } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { indexKind, valueTypeName } from '@qcore/model'
import type { Condition, Literal, Test } from '../tree/query.ts'
import { checkPath } from './check-path.ts'
import type { CheckContext } from './check-query.ts'
import type { CheckedCondition, CheckedEnd, CheckedPath, ComparedEnd } from './checked-query.ts'
import { assertIndexed } from './indexed-end.ts'
import { assertPlain, literalValue } from './literal-value.ts'

/** Checks a condition on entities of a type. Throws as `checkQuery`. */
export function checkCondition(condition: Condition, context: CheckContext, field: string): CheckedCondition {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const { kind } = condition
      const conditions = condition.conditions.map((part, index) =>
        checkCondition(part, context, `${field}.${kind}[${index}]`),
      )
      return { kind, conditions }
    }
    case 'not':
      return { kind: 'not', condition: checkCondition(condition.condition, context, `${field}.not`) }
    default:
      return checkTest(condition, context, `${field}.${condition.kind}`)
  }
}

function checkTest(test: Test, context: CheckContext, field: string): CheckedCondition {
  const place = { ...context, field: test.kind === 'exists' ? field : `${field}.path` }
  const path = checkPath(test.path, place)
  switch (test.kind) {
    case 'compare':
      return { kind: 'compare', path, sign: test.sign, ends: comparedEnds(path, [test.value], field) }
    case 'in':
      return { kind: 'in', path, ends: comparedEnds(path, test.values, field) }
    case 'contains':
    case 'starts_with':
      return { kind: test.kind, path, text: test.text, ends: textEnds(path, test, field) }
    case 'exists':
      return { kind: 'exists', path, ends: path.ends }
  }
}

/**
 * The ends that all values can be of. Where several types of fields may be meant, a value need not fit all: entities whose
 * field it does not fit are not equal to it, nor less, nor greater.
 */
function comparedEnds(path: CheckedPath, literals: readonly Literal[], field: string): ComparedEnd[] {
  const ends: ComparedEnd[] = []
  let refusal: QError | undefined
  for (const end of path.ends) {
    try {
      const values = literals.map((literal, index) => {
        const place = literals.length === 1 ? `${field}.value` : `${field}.values[${index}]`
        return literalValue(literal, end, { path: path.text, field: place })
      })
      assertIndexed(path, end, `${field}.path`)
      ends.push({ ...end, values })
    } catch (error) {
      if (!isQError(error) || error.code === 'unindexed_field') throw error
      refusal ??= error
    }
  }
  if (ends.length === 0 && refusal !== undefined) throw refusal
  return ends
}

function textEnds(
  path: CheckedPath,
  { kind, text: wanted }: { kind: 'contains' | 'starts_with'; text: string },
  field: string,
): CheckedEnd[] {
  const ends = path.ends.filter(
    ({ valueType }) => indexKind(valueType) === 'text' || (kind === 'contains' && valueType === ValueType.ENTITY_LIST),
  )
  const [first] = path.ends
  if (ends.length === 0 && first !== undefined) {
    const text = `${path.text} is of type ${valueTypeName(first.valueType)}: ${kind === 'contains' ? 'it contains no text' : 'it is no text'}`
    throw new QError('type_mismatch', text, { field: `${field}.path` })
  }
  if (ends.some(({ valueType, own }) => own !== undefined || valueType === ValueType.ENTITY_LIST)) {
    assertPlain(wanted, `${field}.text`)
  }
  for (const end of ends) if (end.valueType !== ValueType.ENTITY_LIST) assertIndexed(path, end, `${field}.path`)
  return ends
}
