import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { TypeSchemaSchema, ValueType, type TypeSchema } from '@qcore/contracts'
import { completeSchema } from '@qcore/model'
import { describe, expect, it } from 'vitest'
import { typeChanges, type TypeComparison } from './type-changes.ts'

type FieldsInit = NonNullable<MessageInitShape<typeof TypeSchemaSchema>['fields']>

function schemaOf(type: string, firstId: number, fields: FieldsInit): TypeSchema {
  const request = create(TypeSchemaSchema, { type, fields })
  const schema = completeSchema(request, { previous: undefined, nextFieldId: firstId, path: '' })
  schema.revision = 7n
  return schema
}

const level = { name: 'Level', valueType: ValueType.INT }
const label = { name: 'Label', valueType: ValueType.STRING }

function compare(comparison: Partial<TypeComparison>): ReturnType<typeof typeChanges> {
  const used = new Set(['Device', 'Room'])
  return typeChanges({ current: [], staged: [], isWhole: true, used, nextFieldId: 100, ...comparison })
}

describe('the types of a restore', () => {
  it('keep the ids of fields that are the same', () => {
    const current = [schemaOf('Device', 10, [level, label])]
    const { changes, map, nextFieldId } = compare({ current, staged: [schemaOf('Device', 1, [level, label])] })
    expect(changes).toEqual([])
    expect(map).toEqual([
      { key: 1, fieldId: 10 },
      { key: 2, fieldId: 11 },
    ])
    expect(nextFieldId).toBe(100)
  })

  it('give a new id to a field that is another, and to one whose index is', () => {
    const current = [schemaOf('Device', 10, [level, label])]
    const other = { ...level, valueType: ValueType.FLOAT }
    const staged = [schemaOf('Device', 1, [other, { ...label, unindexed: true }])]
    const { changes, map, nextFieldId } = compare({ current, staged })
    expect(map).toEqual([
      { key: 1, fieldId: 100 },
      { key: 2, fieldId: 101 },
    ])
    expect(nextFieldId).toBe(102)
    expect(changes[0]?.restored?.fields.map(({ id }) => id)).toEqual([100, 101])
  })

  it('are created and deleted by a whole restore', () => {
    const current = [schemaOf('Device', 10, [level])]
    const { changes } = compare({ current, staged: [schemaOf('Room', 1, [])] })
    expect(changes.map((change) => [change.current?.type, change.restored?.type])).toEqual([
      [undefined, 'Room'],
      ['Device', undefined],
    ])
  })

  it('are created by a part of one only where they are used, and never deleted or changed', () => {
    const current = [schemaOf('Device', 10, [level]), schemaOf('Other', 20, [])]
    const staged = [schemaOf('Room', 1, [label]), schemaOf('Device', 2, [level]), schemaOf('Unused', 3, [])]
    const { changes, moved } = compare({ current, staged, isWhole: false })
    expect(changes.map((change) => [change.current?.type, change.restored?.type])).toEqual([[undefined, 'Room']])
    expect(moved).toEqual([])
    const changed = [schemaOf('Device', 10, [level, label])]
    expect(compare({ current: changed, staged, isWhole: false }).moved).toEqual(['Device'])
  })
})
