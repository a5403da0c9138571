import { QError, type Client, type Entity, type PagesOptions } from '@qcore/client'

const pageSize = 1_000

/** What has a root and children: the store, or the store as it was. */
type Tree = Pick<Client, 'root'> & { children(parent: Entity, options: PagesOptions): AsyncIterable<Entity> }

/**
 * The id of an entity that the command line names: an id, or a path of names from the root such as `/USA/Texas`. `/` is
 * the root itself.
 *
 * @throws QError `unknown_entity`, `invalid_path` if two siblings share the name
 */
export async function entityId(q: Tree, named: string): Promise<string> {
  if (!named.startsWith('/')) return named
  let entity = await q.root()
  for (const name of named.split('/').filter((part) => part !== '')) entity = await childOf(q, entity, name)
  return entity.id
}

async function childOf(q: Tree, parent: Entity, name: string): Promise<Entity> {
  let found: Entity | undefined
  for await (const child of q.children(parent, { pageSize })) {
    if (child.name !== name) continue
    if (found !== undefined) {
      throw new QError('invalid_path', `${parent.name} has more than one child ${name}: use the id`, { field: name })
    }
    found = child
  }
  if (found === undefined) throw new QError('unknown_entity', `${parent.name} has no child ${name}`, { field: name })
  return found
}
