import { create } from '@bufbuild/protobuf'
import { FieldDefinitionSchema, TypeSchemaSchema, ValueType } from '@qcore/contracts'
import { completeSchema, typeModelFromSchema } from '@qcore/model'
import type { TypeSource } from '@qcore/query'
import { expect, test } from 'vitest'
import { assertSameFields } from './same-fields.ts'

function typesOf(
  type: string,
  fields: Partial<Record<string, ValueType>>,
  { firstId = 1, unindexed = false } = {},
): TypeSource {
  const definitions = Object.entries(fields).map(([name, valueType = ValueType.INT]) =>
    create(FieldDefinitionSchema, { name, valueType, unindexed }),
  )
  const schema = create(TypeSchemaSchema, { type, fields: definitions })
  const model = typeModelFromSchema(
    completeSchema(schema, { previous: undefined, nextFieldId: firstId, path: 'schema' }),
  )
  return { get: (name) => (name === type ? model : undefined), names: [type] }
}

const then = typesOf('Device', { Level: ValueType.INT, Other: ValueType.INT })
const names = new Set(['Level', 'Name'])

test.each([
  ['nothing was changed', then],
  ['another field was changed', typesOf('Device', { Level: ValueType.INT, Other: ValueType.STRING })],
  ['a field was added', typesOf('Device', { Level: ValueType.INT, Name: ValueType.STRING })],
  ['the type was deleted', typesOf('Room', {})],
])('a query of the past is answered when %s', (_name, now) => {
  expect(() => assertSameFields(names, then, now)).not.toThrow()
})

test.each([
  ['has another type of values', typesOf('Device', { Level: ValueType.STRING })],
  ['is another one of the same name', typesOf('Device', { Level: ValueType.INT }, { firstId: 7 })],
  ['was removed', typesOf('Device', {})],
  ['keeps no index', typesOf('Device', { Level: ValueType.INT }, { unindexed: true })],
])('it is refused when a field that it names %s', (_name, now) => {
  expect(() => assertSameFields(names, then, now)).toThrow(expect.objectContaining({ code: 'schema_changed' }))
})
