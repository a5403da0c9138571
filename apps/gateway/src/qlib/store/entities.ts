import { commit, isQError, type Client, type Entity } from '@qcore/client'
import { QError } from '@qcore/errors'
import { withAnnouncement } from './announcement.ts'
import { isEntityId, isTypeName, type Store } from './store.ts'

const pageSize = 1_000

/** An entity with its children, as qlib has them. */
export interface TreeEntity extends Entity {
  readonly childIds: readonly string[]
}

/** The id of the root. */
export async function rootIdOf({ client }: Store): Promise<string> {
  return (await client.root()).id
}

/** Reads an entity and the ids of its children. */
export async function readEntity({ client }: Store, id: string): Promise<TreeEntity> {
  const entity = await client.get(entityId(id, 'id'))
  return { ...entity, childIds: await listChildIds(client, id) }
}

/** All entities of exactly one type; none if there is no such type. */
export async function listEntities({ client }: Store, type: string): Promise<TreeEntity[]> {
  if (!isTypeName(type)) return []
  try {
    const entities = await client.find(type, { pageSize }).toArray()
    const hasOwnChildren = entities.length > 0 && (await client.exists({ type, field: 'Children' }))
    return await Promise.all(
      entities.map(async (entity) => ({
        ...entity,
        childIds: await (hasOwnChildren ? listChildIds(client, entity.id) : readChildIds(client, entity.id)),
      })),
    )
  } catch (error) {
    if (isQError(error, 'unknown_type')) return []
    throw error
  }
}

/** A page of the ids of a type's entities; an empty cursor is the first, and tells of the last. */
export async function findPage(
  { client }: Store,
  type: string,
  { pageSize, cursor }: { pageSize: number; cursor: string },
): Promise<{ ids: string[]; cursor: string }> {
  if (!isTypeName(type)) return { ids: [], cursor: '' }
  try {
    const page = await client.find(type, { pageSize }).page(cursor)
    return { ids: page.entities.map(({ id }) => id), cursor: page.cursor }
  } catch (error) {
    if (isQError(error, 'unknown_type')) return { ids: [], cursor: '' }
    throw error
  }
}

/** The ids of the children by a read, which goes with those of others; a list that is too long for that page by page. */
async function readChildIds(client: Client, id: string): Promise<readonly string[]> {
  try {
    const children = await client.read(id, 'Children')
    if (children.type === 'EntityList') return children.value
  } catch (error) {
    // Deleted since it was found.
    if (isQError(error, 'unknown_entity')) return []
    if (!isQError(error, 'payload_too_large')) throw error
  }
  return listChildIds(client, id)
}

async function listChildIds(client: Client, id: string): Promise<string[]> {
  const children = await client.children(id, { pageSize }).toArray()
  return children.map((child) => child.id)
}

/** Whether an entity exists. */
export async function entityExists({ client }: Store, id: string): Promise<boolean> {
  return isEntityId(id) && (await client.exists(id))
}

/** Whether a type has a field. An entity stands for its type. */
export async function fieldExists({ client }: Store, field: string, typeOrId: string): Promise<boolean> {
  if (!isTypeName(field)) return false
  if (isTypeName(typeOrId) && (await client.exists({ type: typeOrId, field }))) return true
  if (!isEntityId(typeOrId) || !(await client.exists(typeOrId))) return false
  return client.exists({ type: (await client.get(typeOrId)).type, field })
}

/**
 * Creates an entity, below the root if no parent is named, and announces it in the same commit.
 *
 * @returns its id
 */
export async function createEntity(
  store: Store,
  { type, name, parentId }: { type: string; name: string; parentId: string },
): Promise<string> {
  if (!isTypeName(type)) throw new QError('invalid_request', `${JSON.stringify(type)} is no type`, { field: 'type' })
  const parent = parentId === '' ? await rootIdOf(store) : entityId(parentId, 'parentId')
  const changes = await withAnnouncement(store, commit().create(type, { parent, name }))
  const { results } = await store.client.commit(changes)
  return results[0]?.entityId ?? ''
}

/** Deletes an entity with its descendants, and announces it in the same commit. */
export async function deleteEntity(store: Store, id: string): Promise<void> {
  await store.client.commit(await withAnnouncement(store, commit().delete(entityId(id, 'id'))))
}

function entityId(text: string, field: string): string {
  if (isEntityId(text)) return text
  throw new QError('invalid_request', `${JSON.stringify(text)} is no id of an entity`, { field })
}
