import type { Subscription } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { TypeModel } from '@qcore/model'

/** The types of entities by id; null for one that is deleted and whose type nothing tells any more. */
export type EntityTypes = ReadonlyMap<string, string | null>

const partOf = { entityId: 'entity_id', entityType: 'entity_type', subtree: 'subtree.type' } as const

/**
 * Checks that what subscriptions name is there.
 *
 * @throws QError `unknown_type`, `unknown_entity`, `unknown_field`, which name the part of the request
 */
export function checkSubscriptions(
  subscriptions: readonly Subscription[],
  typeModel: (name: string) => TypeModel | undefined,
  entityTypes: EntityTypes,
): void {
  for (const [position, { target, fields }] of subscriptions.entries()) {
    const path = `subscriptions[${position}]`
    if (target.case === undefined || target.case === 'schemas' || target.case === 'query') continue
    if (target.case === 'subtree') {
      const { rootId, type } = target.value
      if (!entityTypes.has(rootId)) {
        throw new QError('unknown_entity', `there is no entity ${rootId}`, { field: `${path}.subtree.root_id` })
      }
      if (type === '') continue
    }
    const type = typeOfTarget(target, entityTypes, path)
    if (type === null) continue
    const model = typeModel(type)
    if (model === undefined) {
      const field = `${path}.${partOf[target.case]}`
      throw new QError('unknown_type', `there is no type ${type}`, { field })
    }
    const unknown = fields.findIndex((name) => !name.includes('->') && !model.fieldsByName.has(name))
    if (unknown >= 0) {
      const field = `${path}.fields[${unknown}]`
      throw new QError('unknown_field', `the type ${type} has no field ${fields[unknown]}`, { field })
    }
  }
}

function typeOfTarget(target: Subscription['target'], entityTypes: EntityTypes, path: string): string | null {
  switch (target.case) {
    case 'entityId':
      return typeOfEntity(target.value, entityTypes, path)
    case 'entityType':
      return target.value
    case 'subtree':
      return target.value.type
    default:
      return null
  }
}

function typeOfEntity(id: string, entityTypes: EntityTypes, path: string): string | null {
  const type = entityTypes.get(id)
  if (type !== undefined) return type
  throw new QError('unknown_entity', `there is no entity ${id}`, { field: `${path}.entity_id` })
}

/** The entities that subscriptions name, each once. */
export function subscribedEntities(subscriptions: readonly Subscription[]): string[] {
  const ids = new Set<string>()
  for (const { target } of subscriptions) {
    if (target.case === 'entityId') ids.add(target.value)
    if (target.case === 'subtree') ids.add(target.value.rootId)
  }
  return [...ids]
}
