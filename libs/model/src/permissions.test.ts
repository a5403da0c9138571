import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { TypeSchemaSchema, ValueType } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { allGrants, mayWrite, visiblePastType, visibleType, type Grants } from './permissions.ts'
import { completeSchema, typeModelFromSchema, type TypeModel } from './type-model.ts'

type SchemaInit = Omit<MessageInitShape<typeof TypeSchemaSchema>, '$typeName'>

function typeOf(init: SchemaInit, previous?: TypeModel): TypeModel {
  const request = create(TypeSchemaSchema, { type: 'Person', ...init })
  return typeModelFromSchema(completeSchema(request, { previous, nextFieldId: 1, path: '' }))
}

const holding = (...names: string[]): Grants => ({ hasAll: false, names: new Set(names) })

const restricted: SchemaInit = {
  permissions: { read: ['staff'], write: ['hr'] },
  fields: [
    { name: 'Phone', valueType: ValueType.STRING },
    { name: 'Salary', valueType: ValueType.INT, permissions: { read: ['hr', 'pay'], write: ['pay'] } },
  ],
}
const person = typeOf(restricted)
const open = typeOf({ fields: [{ name: 'Phone', valueType: ValueType.STRING }] })

function fieldsSeen(model: TypeModel, grants: Grants): string[] | undefined {
  const view = visibleType(model, grants)
  expect(view?.schema.fields.map(({ name }) => name)).toEqual(view && [...view.fieldsByName.keys()])
  return view && [...view.fieldsByName.keys()]
}

describe('who sees a type', () => {
  it.each([
    [holding(), undefined],
    [holding('hr', 'pay'), undefined],
    [holding('staff'), ['Phone']],
    [holding('staff', 'hr'), ['Phone']],
    [holding('staff', 'hr', 'pay'), ['Phone', 'Salary']],
    [allGrants, ['Phone', 'Salary']],
  ])('needs all names that are asked for (%#)', (grants, fields) => {
    expect(fieldsSeen(person, grants)).toEqual(fields)
  })

  it('is everybody where nothing is asked for', () => {
    expect(visibleType(open, holding())).toBe(open)
  })

  it('keeps positions and ids', () => {
    const salary = typeOf({
      fields: [
        { name: 'Salary', valueType: ValueType.INT, permissions: { read: ['pay'] } },
        { name: 'Phone', valueType: ValueType.STRING },
      ],
    })
    expect(visibleType(salary, holding())?.fieldsByName.get('Phone')).toMatchObject({ position: 1, id: 2 })
  })
})

describe('who sees a type of the past', () => {
  it('needs what is asked for now, and what was asked for then', () => {
    expect(visiblePastType(open, person, holding())).toBeUndefined()
    expect([...(visiblePastType(open, person, holding('staff'))?.fieldsByName.keys() ?? [])]).toEqual(['Phone'])
    expect(visiblePastType(person, open, holding())).toBeUndefined()
    const hidden = typeOf({ fields: [{ name: 'Phone', valueType: ValueType.STRING, permissions: { read: ['x'] } }] })
    const view = visiblePastType(open, hidden, holding())
    expect([...(view?.fieldsByName.keys() ?? ['none'])]).toEqual([])
    expect(view?.schema.fields).toEqual([])
  })

  it('goes by what was asked for then when the type is gone', () => {
    expect(visiblePastType(person, undefined, holding())).toBeUndefined()
    expect(visiblePastType(open, undefined, holding())).toBe(open)
  })
})

describe('who changes entities and fields', () => {
  const [phone, salary] = person.fields
  it('needs the names of the type, and of the field', () => {
    expect(mayWrite(person, holding('staff'))).toBe(false)
    expect(mayWrite(person, holding('hr'))).toBe(true)
    expect(mayWrite(person, holding('hr'), phone)).toBe(true)
    expect(mayWrite(person, holding('hr'), salary)).toBe(false)
    expect(mayWrite(person, holding('pay'), salary)).toBe(false)
    expect(mayWrite(person, holding('hr', 'pay'), salary)).toBe(true)
    expect(mayWrite(person, allGrants, salary)).toBe(true)
    expect(mayWrite(open, holding())).toBe(true)
  })
})

describe('permissions in a schema', () => {
  it('stay when the schema is set without mention of them, and go when it is set with none', () => {
    const { permissions: _type, ...rest } = restricted
    const fields = [
      { name: 'Phone', valueType: ValueType.STRING },
      { name: 'Salary', valueType: ValueType.INT },
    ]
    const kept = typeOf({ ...rest, fields }, person)
    expect(kept.permissions).toEqual(person.permissions)
    expect(kept.fieldsByName.get('Salary')?.permissions).toEqual({ read: ['hr', 'pay'], write: ['pay'] })
    const cleared = typeOf({ permissions: {}, fields: [fields[0] ?? {}, { ...fields[1], permissions: {} }] }, person)
    expect(cleared.isRestricted).toBe(false)
    expect(cleared.schema.permissions).toBeUndefined()
  })

  it('do not change the request', () => {
    const request = create(TypeSchemaSchema, {
      type: 'Person',
      fields: [
        { name: 'Phone', valueType: ValueType.STRING },
        { name: 'Salary', valueType: ValueType.INT },
      ],
    })
    completeSchema(request, { previous: person, nextFieldId: 9, path: '' })
    expect(request.permissions).toBeUndefined()
    expect(request.fields[1]?.permissions).toBeUndefined()
  })
})
