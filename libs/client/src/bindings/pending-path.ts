import { isQError, QError } from '@qcore/errors'
import { parsePath } from '@qcore/model'
import type { Field } from '../values/field.ts'

/** Reads a field of an entity, or what a path leads to that no pending change is on. */
type ReadStep = (entityId: string, path: string) => Promise<Field>

/**
 * Follows a path one step at a time, so that pending changes of references and lists count. Resolves to the entity at
 * its end and the name of the field.
 *
 * @throws QError `invalid_path`, `broken_path`, and what reading throws
 */
export async function followPath(
  start: string,
  path: string,
  read: ReadStep,
): Promise<{ entityId: string; path: string }> {
  const { steps, field } = parsePath(path, 'path')
  let entityId = start
  for (let position = 0; position < steps.length;) {
    const name = steps[position] ?? ''
    const reached = await fieldAt(entityId, name, read)
    if (reached?.type === 'EntityList') {
      entityId = entityAt(reached.value, steps[position + 1], `${name} of ${entityId}`)
      position += 2
    } else {
      entityId = reached?.type === 'EntityReference' ? reached.value : await entityNamed(entityId, name, read)
      if (entityId === '') throw new QError('broken_path', `${name} is empty`, { field: 'path' })
      position += 1
    }
  }
  return { entityId, path: field }
}

/** What a step names as a field; undefined if it names a child or the parent. */
async function fieldAt(entityId: string, name: string, read: ReadStep): Promise<Field | undefined> {
  try {
    return await read(entityId, name)
  } catch (error) {
    if (isQError(error, 'unknown_field')) return undefined
    throw error
  }
}

/** The child or parent of a name: the store finds it on the way to its name. */
async function entityNamed(entityId: string, name: string, read: ReadStep): Promise<string> {
  return (await read(entityId, `${name}->Name`)).entityId
}

function entityAt(list: readonly string[], index: string | undefined, what: string): string {
  if (index === undefined || !/^\d+$/.test(index)) {
    throw new QError('invalid_path', `${what} is a list: an index and a field must follow it`, { field: 'path' })
  }
  const id = list[Number(index)]
  if (id === undefined) throw new QError('broken_path', `${what} has ${list.length} entities`, { field: 'path' })
  return id
}
