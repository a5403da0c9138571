import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { TypeSchemaSchema, ValueSchema, ValueType } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { checkedFieldValue, completeSchema, typeModelFromSchema } from './type-model.ts'

const options = { previous: undefined, nextFieldId: 10, path: 'schema' }

function schemaOf(fields: NonNullable<MessageInitShape<typeof TypeSchemaSchema>['fields']>) {
  return create(TypeSchemaSchema, { type: 'Device', fields })
}

const device = typeModelFromSchema(
  completeSchema(
    schemaOf([
      { name: 'Status', valueType: ValueType.CHOICE, choices: ['OFF', 'ON'] },
      { name: 'Level', valueType: ValueType.INT, unindexed: true },
    ]),
    options,
  ),
)

function failure(code: string, field: string) {
  return expect.objectContaining({ code, field })
}

describe('completeSchema', () => {
  it('gives ids, ranks and defaults, and keeps them when fields are added in between', () => {
    const next = completeSchema(
      schemaOf([
        { name: 'Label', valueType: ValueType.STRING, defaultValue: { kind: { case: 'string', value: 'none' } } },
        { name: 'Status', valueType: ValueType.CHOICE, choices: ['OFF', 'ON', 'BROKEN'] },
        { name: 'Level', valueType: ValueType.INT, unindexed: true },
      ]),
      { previous: device, nextFieldId: 12, path: 'schema' },
    )
    expect(next.fields.map(({ name, id, rank }) => [name, id, rank])).toEqual([
      ['Label', 12, 0],
      ['Status', 10, 1],
      ['Level', 11, 2],
    ])
    expect(next.fields.map((field) => field.defaultValue?.kind)).toEqual([
      { case: 'string', value: 'none' },
      { case: 'choice', value: 'OFF' },
      { case: 'int', value: 0n },
    ])
    expect(typeModelFromSchema(next).fields.map(({ name, position }) => [name, position])).toEqual([
      ['Status', 0],
      ['Level', 1],
      ['Label', 2],
    ])
  })

  it('orders by the ranks that are given', () => {
    const schema = completeSchema(
      schemaOf([
        { name: 'Second', valueType: ValueType.INT, rank: 7 },
        { name: 'First', valueType: ValueType.INT, rank: 3 },
      ]),
      options,
    )
    expect(schema.fields.map(({ name, rank }) => [name, rank])).toEqual([
      ['First', 3],
      ['Second', 7],
    ])
  })

  it('refuses a field twice, a Choice without options, and options of another type', () => {
    const twice = schemaOf([
      { name: 'A', valueType: ValueType.INT },
      { name: 'A', valueType: ValueType.INT },
    ])
    expect(() => completeSchema(twice, options)).toThrowError(failure('invalid_schema', 'schema.fields[1].name'))
    const bare = schemaOf([{ name: 'A', valueType: ValueType.CHOICE }])
    expect(() => completeSchema(bare, options)).toThrowError(failure('invalid_schema', 'schema.fields[0].choices'))
    const stray = schemaOf([{ name: 'A', valueType: ValueType.INT, choices: ['x'] }])
    expect(() => completeSchema(stray, options)).toThrowError(failure('invalid_schema', 'schema.fields[0].choices'))
  })

  it('refuses a default of another type, outside the options, or that refers to an entity', () => {
    const mismatch = schemaOf([
      { name: 'A', valueType: ValueType.INT, defaultValue: { kind: { case: 'float', value: 1 } } },
    ])
    expect(() => completeSchema(mismatch, options)).toThrowError(
      failure('type_mismatch', 'schema.fields[0].default_value'),
    )
    const choice = schemaOf([
      {
        name: 'A',
        valueType: ValueType.CHOICE,
        choices: ['x'],
        defaultValue: { kind: { case: 'choice', value: 'y' } },
      },
    ])
    expect(() => completeSchema(choice, options)).toThrowError(
      failure('unknown_choice', 'schema.fields[0].default_value'),
    )
    const reference = schemaOf([
      {
        name: 'A',
        valueType: ValueType.ENTITY_REFERENCE,
        defaultValue: { kind: { case: 'entityReference', value: 'e1' } },
      },
    ])
    expect(() => completeSchema(reference, options)).toThrowError(
      failure('invalid_schema', 'schema.fields[0].default_value'),
    )
  })

  it('refuses changes that would lose or reinterpret values', () => {
    const status = { name: 'Status', valueType: ValueType.CHOICE, choices: ['OFF', 'ON'] }
    const level = { name: 'Level', valueType: ValueType.INT, unindexed: true }
    const change = { ...options, previous: device }
    const refuse = (fields: Parameters<typeof schemaOf>[0], field: string) =>
      expect(() => completeSchema(schemaOf(fields), change)).toThrowError(failure('schema_change_refused', field))
    refuse([status], 'schema.fields')
    refuse([status, { ...level, valueType: ValueType.FLOAT }], 'schema.fields[1].value_type')
    refuse([status, { ...level, unindexed: false }], 'schema.fields[1].unindexed')
    refuse([{ ...status, choices: ['ON'] }, level], 'schema.fields[0].choices')
  })
})

describe('checkedFieldValue', () => {
  it('refuses a choice that the schema does not list', () => {
    const value = create(ValueSchema, { kind: { case: 'choice', value: 'BROKEN' } })
    const status = device.fieldsByName.get('Status')
    expect(status).toBeDefined()
    if (status !== undefined) {
      expect(() => checkedFieldValue(status, value, 'value')).toThrowError(failure('unknown_choice', 'value'))
    }
  })
})
