import type { Operation, OperationKind } from '../history/operation.ts'
import type { LogEntry, LoggedWrite, Recording } from '../history/recording.ts'

/** For tests: an operation that was answered, with only what matters said. */
export function operation(
  kind: OperationKind,
  [invokedMs, completedMs]: readonly [number, number],
  rest: Partial<Operation> = {},
): Operation {
  return {
    id: invokedMs,
    client: 1,
    kind,
    requestKey: kind === 'read' || kind === 'session_read' ? '' : `key-${invokedMs}`,
    invokedMs,
    completedMs,
    outcome: 'ok',
    revision: 0,
    writes: {},
    reads: {},
    sessionRevision: 0,
    expectedRevision: 0,
    attempts: 1,
    wasInDoubt: false,
    error: '',
    ...rest,
  }
}

/** For tests: a commit of the log that writes fields, each written before by the revision before. */
export function entry(revision: number, writes: Record<string, string>, rest: Partial<LogEntry> = {}): LogEntry {
  const changes = Object.entries(writes).map(([key, value]): LoggedWrite => ({
    key,
    value,
    previousRevision: revision - 1,
    previousValue: '',
  }))
  return { revision, epoch: 1, requestKey: '', changes, digest: `digest-${revision}`, ...rest }
}

/** For tests: a recording that is as it should be for a log, but for what is said. */
export function recordingOf(log: readonly LogEntry[], rest: Partial<Recording> = {}): Recording {
  const head = { revision: log.at(-1)?.revision ?? 0, epoch: log.at(-1)?.epoch ?? 0, logId: 'log' }
  const fields = Object.fromEntries(
    log.flatMap(({ revision, changes }) => changes.map(({ key, value }) => [key, { value, revision }])),
  )
  return {
    operations: [],
    subscribers: [],
    log,
    head,
    fields,
    stream: { logId: 'log', entries: log.map(({ revision, digest }) => ({ revision, digest })) },
    caches: [{ reader: 'reader-1', revision: head.revision, fields }],
    leases: [{ holder: 'a', token: 1, invokedMs: 0, completedMs: 1 }],
    faults: [],
    loadEndedMs: 0,
    ...rest,
  }
}
