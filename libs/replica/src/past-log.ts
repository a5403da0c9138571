import { loadLogRevisions, loadLogSince, type Executor } from '@qcore/database'
import type { Change, CommitRecord, Value } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { LogRecord } from './log-record.ts'

/** Commits of one statement. */
const mostRevisions = 500

/** Commits of the log by revision, each read once. */
export class PastLog {
  readonly #pool: Executor
  readonly #records = new Map<number, CommitRecord>()

  constructor(pool: Executor) {
    this.#pool = pool
  }

  /** Reads commits, so that `at` has them. Throws `compacted`. */
  async load(revisions: Iterable<number>): Promise<void> {
    const missing = [...new Set(revisions)].filter((revision) => !this.#records.has(revision))
    for (let start = 0; start < missing.length; start += mostRevisions) {
      const records = await loadLogRevisions(this.#pool, missing.slice(start, start + mostRevisions))
      for (const record of records) this.#records.set(Number(record.revision), record)
    }
    for (const revision of missing) this.at(revision)
  }

  /** A commit that was loaded. Throws `compacted`. */
  at(revision: number): CommitRecord {
    const record = this.#records.get(revision)
    if (record === undefined) throw new QError('compacted', `the log holds revision ${revision} no longer`)
    return record
  }

  /** The commits after a revision, in order, until the last one there is now. Throws `compacted`. */
  async *after(revision: number): AsyncGenerator<LogRecord> {
    for (let last = revision; ;) {
      const page = await loadLogSince(this.#pool, last)
      if (page.records.length === 0) return
      if (page.records[0]?.revision !== last + 1) {
        throw new QError('compacted', `the log holds revision ${last + 1} no longer`)
      }
      for (const { revision: next, record } of page.records) {
        last = next
        yield new LogRecord(next, record)
      }
    }
  }
}

/** The change of a commit that wrote a field, created it with its entity, or added it to the entity's type. */
export function changeOfField(
  { changes }: CommitRecord,
  entity: { id: string; type: string },
  fieldName: string,
): Change['kind'] | undefined {
  const change = changes.find(({ kind }) => {
    switch (kind.case) {
      case 'fieldChanged':
        return kind.value.entityId === entity.id && kind.value.name === fieldName
      case 'entityCreated':
        return kind.value.entity?.id === entity.id
      case 'schemaChanged': {
        const { schema, previous } = kind.value
        const isNew = previous?.fields.every(({ name }) => name !== fieldName) ?? true
        return schema?.type === entity.type && isNew && schema.fields.some(({ name }) => name === fieldName)
      }
      default:
        return false
    }
  })
  return change?.kind
}

/** The value that a change gave to a field. */
export function valueGiven(change: Change['kind'] | undefined, fieldName: string): Value | undefined {
  switch (change?.case) {
    case 'fieldChanged':
      return change.value.value
    case 'entityCreated':
      return change.value.fields.find(({ name }) => name === fieldName)?.value
    case 'schemaChanged':
      return change.value.schema?.fields.find(({ name }) => name === fieldName)?.defaultValue
    default:
      return undefined
  }
}
