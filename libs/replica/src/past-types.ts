import { readDatabase, type Executor } from '@qcore/database'
import type { TypeSchema } from '@qcore/contracts'
import { decodeSchemaChanged } from './change-outline.ts'
import { visitRecords } from './past-log.ts'
import type { TypeRegistry } from './type-registry.ts'

/**
 * The types as they were right after a revision, found by walking back from what they are.
 *
 * @throws QError `compacted` if the log does not tell any more, `unavailable`
 */
export async function loadPastTypes(pool: Executor, now: TypeRegistry, revision: number): Promise<TypeRegistry> {
  // The registry goes on meanwhile.
  const present = now.with(new Map())
  const then = new Map<string, TypeSchema | undefined>()
  let later = present.schemas.filter((schema) => Number(schema.revision) > revision)
  while (later.length > 0) {
    const byRevision = Map.groupBy(later, (schema) => Number(schema.revision))
    await readDatabase(
      visitRecords(pool, byRevision.keys(), ({ revision: changed, changes }) => {
        const wanted = new Set(byRevision.get(changed)?.map(({ type }) => type))
        for (const change of changes) {
          if (change.kind !== 'schema_changed') continue
          const { schema, previous } = decodeSchemaChanged(change)
          // The first change that a commit made tells what was before it.
          if (schema !== undefined && wanted.delete(schema.type)) then.set(schema.type, previous)
        }
      }),
    )
    const before = [...then.values()].filter((schema) => schema !== undefined)
    later = before.filter((schema) => Number(schema.revision) > revision)
  }
  return present.with(then)
}
