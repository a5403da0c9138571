import { create } from '@bufbuild/protobuf'
import { ValueSchema, type Value } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import { timestampOf, type Options } from './field-value.ts'
import { fileFromText, textFromFile } from './file-text.ts'
import type { WireValue } from './wire-value.ts'

/** The value of a snapshot file, as qlib has it. Options are needed for a Choice. */
export function wireFromMessage({ kind }: Value, options: Options): WireValue {
  switch (kind.case) {
    case 'int':
      return { type: 'Int', raw: kind.value }
    case 'float':
      return { type: 'Float', raw: kind.value }
    case 'bool':
      return { type: 'Bool', raw: kind.value }
    case 'string':
      return { type: 'String', raw: kind.value }
    case 'entityReference':
      return { type: 'EntityReference', raw: kind.value }
    case 'transformation':
      return { type: 'Transformation', raw: kind.value }
    case 'choice':
      return { type: 'Choice', raw: BigInt(options.indexOf(kind.value)) }
    case 'binaryFile':
      return { type: 'BinaryFile', raw: textFromFile(kind.value) }
    case 'timestamp':
      return { type: 'Timestamp', raw: kind.value }
    case 'entityList':
      return { type: 'EntityList', raw: kind.value.entityIds }
    case undefined:
      throw new QError('internal', 'the snapshot has a field without a value')
    default:
      return kind satisfies never
  }
}

/**
 * The value of a snapshot file.
 *
 * @throws QError `unknown_choice`, `value_out_of_range`
 */
export function messageFromWire(value: WireValue, options: Options): Value {
  return create(ValueSchema, { kind: kindOf(value, options) })
}

function kindOf(value: WireValue, options: Options): Value['kind'] {
  switch (value.type) {
    case 'Int':
      return { case: 'int', value: value.raw }
    case 'Float':
      return { case: 'float', value: value.raw }
    case 'Bool':
      return { case: 'bool', value: value.raw }
    case 'String':
      return { case: 'string', value: value.raw }
    case 'EntityReference':
      return { case: 'entityReference', value: value.raw }
    case 'Transformation':
      return { case: 'transformation', value: value.raw }
    case 'Choice': {
      const option = options[Number(value.raw)]
      if (option === undefined) throw new QError('unknown_choice', `there is no option ${value.raw}`)
      return { case: 'choice', value: option }
    }
    case 'BinaryFile':
      return { case: 'binaryFile', value: { $typeName: 'qcore.store.v1.BinaryFile', ...fileFromText(value.raw) } }
    case 'Timestamp':
      return { case: 'timestamp', value: timestampFromMicros(timestampOf(value.raw).micros) }
    case 'EntityList':
      return { case: 'entityList', value: { $typeName: 'qcore.store.v1.EntityList', entityIds: [...value.raw] } }
    default:
      return value satisfies never
  }
}
