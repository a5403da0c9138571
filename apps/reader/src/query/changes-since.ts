import type { SchemaChanged } from '@qcore/contracts'
import { loadLogSince, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { decodeSchemaChanged, LogRecord, type ChangeOutline } from '@qcore/replica'

/** Commits, and entities, that an answer of the past may have to leave out of account: more would take seconds. */
const mostCommits = 200_000
export const mostChanged = 5_000

/** What was changed since a revision, as far as a query depends on it. */
export interface ChangesSince {
  /** Ids of entities with another name, parent or child, or another value of a field that the query names; of any type. */
  readonly changed: ReadonlySet<string>
  /** Those of them that may be of the query's type. */
  readonly found: Set<string>
  /** Whether entities of the query's type were created. */
  readonly hasCreated: boolean
}

/** What a query depends on. */
export interface Dependence {
  readonly type: string
  /** Names of fields, and steps. */
  readonly names: ReadonlySet<string>
}

const ownNames = ['Name', 'Parent', 'Children'] as const

/**
 * What was changed since a revision, until the newest that the executor's transaction sees.
 *
 * @throws QError `too_many_changes`, `schema_changed`, `compacted`, `deadline_exceeded`
 */
export async function loadChangesSince(
  executor: Executor,
  { revision, dependence, signal }: { revision: number; dependence: Dependence; signal: AbortSignal },
): Promise<ChangesSince> {
  const changes = { changed: new Set<string>(), found: new Set<string>(), hasCreated: false }
  for (let last = revision; ;) {
    if (signal.aborted) throw new QError('deadline_exceeded', 'no answer in time', { cause: signal.reason })
    const { records, revision: newest } = await loadLogSince(executor, last)
    if (newest - revision > mostCommits) throw tooMany(`${newest - revision} commits were made`, revision)
    if (records.length === 0) return changes
    if (records[0]?.revision !== last + 1) {
      throw new QError('compacted', `the log holds revision ${last + 1} no longer`)
    }
    for (const record of records) {
      last = record.revision
      for (const change of new LogRecord(last, record.record).changes) note(changes, change, dependence)
    }
    assertFew(changes.changed, revision)
  }
}

function note(
  changes: { changed: Set<string>; found: Set<string>; hasCreated: boolean },
  change: ChangeOutline,
  { type, names }: Dependence,
): void {
  const add = (id: string, ofType: string | undefined): void => {
    changes.changed.add(id)
    // Of a parent the log does not tell the type.
    if (ofType === undefined || ofType === type) changes.found.add(id)
  }
  switch (change.kind) {
    case 'field_changed':
      if (names.has(change.name)) add(change.entityId, change.type)
      return
    case 'entity_changed':
      if (ownNames.some((name) => names.has(name))) add(change.entityId, change.type)
      if (names.has('Children')) add(change.previous.parentId, undefined)
      break
    case 'entity_deleted':
      if (change.type === type) add(change.entityId, type)
      break
    case 'entity_created':
      if (change.type === type) changes.hasCreated = true
      break
    case 'schema_changed':
      return assertNamesKept(decodeSchemaChanged(change), names)
    case 'other':
      return
  }
  if (names.has('Children')) add(change.parentId, undefined)
}

/** Writes are noted by the names of fields: a field that was called otherwise for a while cannot be followed. */
function assertNamesKept({ schema, previous }: SchemaChanged, names: ReadonlySet<string>): void {
  const nameOf = new Map(schema?.fields.map(({ id, name }) => [id, name]))
  for (const { id, name } of previous?.fields ?? []) {
    const now = nameOf.get(id)
    if (now === name || (!names.has(name) && !names.has(now ?? ''))) continue
    throw new QError('schema_changed', `the field ${name} of type ${previous?.type ?? ''} is another one since`)
  }
}

/** Throws `too_many_changes`. */
export function assertFew(ids: { readonly size: number }, revision: number): void {
  if (ids.size > mostChanged) throw tooMany(`more than ${mostChanged} entities were changed`, revision)
}

function tooMany(what: string, revision: number): QError {
  return new QError('too_many_changes', `${what} since revision ${revision} in what the query depends on`)
}
