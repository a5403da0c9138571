import { create } from '@bufbuild/protobuf'
import { TypeSchemaSchema, ValueType } from '@qcore/contracts'
import { completeSchema, typeModelFromSchema } from '@qcore/model'
import { expect, it } from 'vitest'
import { subscription } from '../../test/_records.ts'
import { checkSubscriptions } from './check-subscriptions.ts'

const schema = create(TypeSchemaSchema, { type: 'Tank', fields: [{ name: 'Level', valueType: ValueType.INT }] })
const tank = typeModelFromSchema(completeSchema(schema, { previous: undefined, nextFieldId: 1, path: '' }))
const typeModel = (name: string): typeof tank | undefined => (name === 'Tank' ? tank : undefined)
const entityTypes = new Map([
  ['e1', 'Tank'],
  ['gone', null],
  ['odd', 'Pump'],
])

it.each([
  [subscription({ entityType: 'Pump' }, ['Level']), 'unknown_type', 'subscriptions[1].entity_type'],
  [subscription({ entityType: 'Tank' }, ['Level', 'Depth']), 'unknown_field', 'subscriptions[1].fields[1]'],
  [subscription({ entityId: 'e2' }, ['Level']), 'unknown_entity', 'subscriptions[1].entity_id'],
  [subscription({ entityId: 'e1' }, ['Depth']), 'unknown_field', 'subscriptions[1].fields[0]'],
  [subscription({ entityId: 'odd' }, ['Level']), 'unknown_type', 'subscriptions[1].entity_id'],
])('names the part of the request that is unknown (%#)', (second, code, field) => {
  const subscriptions = [subscription({ entityType: 'Tank' }, ['Level']), second]
  expect(() => checkSubscriptions(subscriptions, typeModel, entityTypes)).toThrow(
    expect.objectContaining({ code, field }),
  )
})

it('accepts what is there, and an entity of which is only known that it was deleted', () => {
  const subscriptions = [subscription({ entityId: 'e1' }, ['Level']), subscription({ entityId: 'gone' }, ['Any'])]
  expect(() => checkSubscriptions(subscriptions, typeModel, entityTypes)).not.toThrow()
})
