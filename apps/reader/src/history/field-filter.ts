import type { Executor } from '@qcore/database'
import { decodeSchemaChanged, visitRecords, type TypeHistory } from '@qcore/replica'

/** Which fields a history is of. */
export interface FieldFilter {
  /** Whether it is of a field of a type, by what it was called right after a revision. */
  has(type: string, revision: number, name: string): boolean
  hasId(id: number): boolean
}

/** All fields. */
export const anyField: FieldFilter = { has: () => true, hasId: () => true }

/**
 * The fields of types that were ever called by a name, under all names that they have had, and what they were converted
 * from and to.
 *
 * @param from where the history begins
 * @throws QError `compacted`
 */
export async function loadFieldFilter(
  pool: Executor,
  { name, types, history, from }: { name: string; types: Iterable<string>; history: TypeHistory; from: number },
): Promise<FieldFilter> {
  const ids = new Set<number>()
  for (const type of new Set(types)) {
    const models = history.versionsOf(type).map(({ model }) => model)
    for (const { fieldsByName } of models) {
      const id = fieldsByName.get(name)?.id
      if (id !== undefined) ids.add(id)
    }
    for (const id of await convertedIds(pool, { ids, history, type, from })) ids.add(id)
  }
  return {
    has(type, revision, called) {
      const model = history.at(type, revision)
      const id = model?.fieldsByName.get(called)?.id
      // Nothing tells of a type that is older than its versions were kept.
      return model === undefined ? called === name : id !== undefined && ids.has(id)
    },
    hasId: (id) => ids.has(id),
  }
}

/** The fields that changes of a type converted to, or from, some. */
async function convertedIds(
  pool: Executor,
  { ids, history, type, from }: { ids: ReadonlySet<number>; history: TypeHistory; type: string; from: number },
): Promise<Set<number>> {
  // The first version replaced none since the history begins: nothing was converted.
  const [, ...replacing] = history.versionsOf(type)
  const changes = replacing.flatMap((version) => (version.from >= from ? [version.from] : []))
  const links: (readonly [number, number])[] = []
  await visitRecords(pool, changes, (record) => {
    for (const change of record.changes) {
      if (change.kind !== 'schema_changed') continue
      for (const { fromId, toId } of decodeSchemaChanged(change).conversions) links.push([fromId, toId])
    }
  })
  const found = new Set(ids)
  // Ascending, so that going there and back again follows any chain.
  for (const [fromId, toId] of links) if (found.has(fromId)) found.add(toId)
  for (const [fromId, toId] of links.toReversed()) if (found.has(toId)) found.add(fromId)
  return found
}
