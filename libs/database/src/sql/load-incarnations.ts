import type { Executor } from '../pool.ts'

/** An entity that has, or had, an id. */
export interface Incarnation {
  type: string
  createdRevision: number
  /** Null: it exists. */
  deletedRevision: number | null
}

/** Ids that are used anew this often within the log's window have the rest of their history left out. */
const mostIncarnations = 10_000

/** The entities that have had an id, the newest first, as far back as tombstones go. */
export async function loadIncarnations(executor: Executor, id: string): Promise<Incarnation[]> {
  const { rows } = await executor.query<Incarnation>({
    name: 'load_incarnations',
    text: `
      select type, created_revision as "createdRevision", null::bigint as "deletedRevision" from entity where id = $1
      union all
      select type, created_revision, revision from tombstone where entity_id = $1
      order by "createdRevision" desc limit ${mostIncarnations}`,
    values: [id],
  })
  return rows
}
