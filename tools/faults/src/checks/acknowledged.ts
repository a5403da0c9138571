import { isCommit, type Operation } from '../history/operation.ts'
import type { LogEntry } from '../history/recording.ts'
import type { Check } from './check.ts'
import { LogIndex } from './log-index.ts'

export const acknowledged: Check = {
  name: 'acknowledged',
  promise: 'every acknowledged commit is in the log and in the fields, and no refused one is',
  find: ({ operations, log, fields }) => {
    const index = new LogIndex(log)
    const found: string[] = []
    for (const operation of operations) {
      if (!isCommit(operation)) continue
      const { requestKey, revision, outcome, error } = operation
      if (outcome === 'ok' && !contains(index.entry(revision), operation)) {
        found.push(`${requestKey} was acknowledged as revision ${revision}, which is not that commit`)
      }
      if (outcome === 'fail' && index.made(requestKey).length > 0) {
        found.push(`${requestKey} was refused (${error}) and is in the log`)
      }
    }
    for (const key of index.keys()) {
      const last = index.fieldAt(key, Infinity)
      const kept = fields[key]
      if (last?.value !== kept?.value || last?.revision !== kept?.revision) {
        found.push(`${key} holds ${describe(kept)}; the log ends with ${describe(last)}`)
      }
    }
    return found
  },
}

function contains(entry: LogEntry | undefined, { requestKey, writes }: Operation): boolean {
  if (entry?.requestKey !== requestKey) return false
  const expected = Object.entries(writes)
  return (
    entry.changes.length === expected.length &&
    expected.every(([key, value]) => entry.changes.some((change) => change.key === key && change.value === value))
  )
}

function describe(field: { value: string; revision: number } | undefined): string {
  return field === undefined ? 'nothing' : `${JSON.stringify(field.value)} of revision ${field.revision}`
}
