import { monotonicMs } from '../history/monotonic.ts'
import type { FieldRead, Key, Operation, OperationKind } from '../history/operation.ts'
import type { Recording } from '../history/recording.ts'

/** What was answered. */
interface Answer {
  readonly revision: number
  readonly writes?: Record<Key, string>
  readonly reads?: Record<Key, FieldRead>
}

/** Records the operations of a control. */
export class TinyHistory {
  readonly operations: Operation[] = []

  /** Does an operation, whose answer is the truth for whoever asked. */
  async operate(
    kind: OperationKind,
    { requestKey = '', ...rest }: Partial<Pick<Operation, 'requestKey' | 'expectedRevision' | 'sessionRevision'>>,
    run: () => Promise<Answer>,
  ): Promise<Answer> {
    const invokedMs = monotonicMs()
    const answer = await run()
    this.operations.push({
      id: this.operations.length + 1,
      client: 1,
      kind,
      requestKey,
      invokedMs,
      completedMs: monotonicMs(),
      outcome: 'ok',
      writes: {},
      reads: {},
      sessionRevision: 0,
      expectedRevision: 0,
      attempts: 1,
      wasInDoubt: false,
      error: '',
      ...rest,
      ...answer,
    })
    return answer
  }
}

/** A recording in which everything that a control is not about is as it should be. */
export function completeRecording(
  dump: Pick<Recording, 'log' | 'head' | 'fields'>,
  rest: Partial<Recording> = {},
): Recording {
  const { log, head, fields } = dump
  return {
    ...dump,
    operations: [],
    subscribers: [
      { name: 'nobody', entityId: 'none', fromRevision: 0, toRevision: head.revision, notifications: [], failure: '' },
    ],
    stream: { logId: head.logId, entries: log.map(({ revision, digest }) => ({ revision, digest })) },
    caches: [{ reader: 'none', revision: head.revision, fields }],
    leases: [{ holder: 'nobody', token: 1, invokedMs: 0, completedMs: 1 }],
    faults: [],
    loadEndedMs: 0,
    ...rest,
  }
}
