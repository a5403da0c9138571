import { ProtoWriter } from '@qcore/transport'

/** Consecutive commits, encoded. */
export interface EncodedCommits {
  readonly firstRevision: number
  /** The members `commits` of a LogBatch, one after the other. */
  readonly batch: Uint8Array
  /** Where each commit begins in `batch`. */
  readonly offsets: readonly number[]
}

/** A message of the log stream. */
export interface LogMessage {
  readonly firstRevision: number
  readonly lastRevision: number
  /** Bytes of a LogBatch. */
  readonly bytes: Uint8Array
}

/** What a LogBatch takes besides its commits, at most, and the headers of its message. */
export const envelopeBytes = 512

/** The messages for commits: one, or as many as `mostBytes` a message makes it. The bytes are copied. */
export function logMessages(logId: string, commits: EncodedCommits, mostBytes: number): LogMessage[] {
  const { batch, offsets, firstRevision } = commits
  const messages: LogMessage[] = []
  let from = 0
  while (from < offsets.length) {
    const start = offsets[from] ?? 0
    let to = from + 1
    while (to < offsets.length && (offsets[to + 1] ?? batch.length) - start <= mostBytes - envelopeBytes) to++
    const end = offsets[to] ?? batch.length
    const range = { firstRevision: firstRevision + from, lastRevision: firstRevision + to - 1 }
    messages.push({ ...range, bytes: Buffer.concat([header(logId, range), batch.subarray(start, end)]) })
    from = to
  }
  return messages
}

/** Records of the log as the members of a LogBatch. */
export function encodeCommits(records: readonly { revision: number; record: Uint8Array }[]): EncodedCommits {
  const out = new ProtoWriter()
  const offsets = records.map(({ record }) => {
    const offset = out.length
    out.binary(4, record)
    return offset
  })
  return { firstRevision: records[0]?.revision ?? 0, batch: out.slice(0, out.length), offsets }
}

const scratch = new ProtoWriter()

/** Valid until the next call. */
function header(logId: string, range: { firstRevision: number; lastRevision: number }): Buffer {
  const out = scratch
  out.rewind()
  out.text(1, logId)
  out.uint(2, range.firstRevision)
  out.uint(3, range.lastRevision)
  return out.slice(0, out.length)
}
