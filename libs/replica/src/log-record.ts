import { fromBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema, type CommitRecord } from '@qcore/contracts'
import { outlineChange, type ChangeOutline } from './change-outline.ts'
import { WireCursor } from './wire-cursor.ts'

/** Field numbers of LogBatch and CommitRecord. */
const batchFields = { logId: 1, firstRevision: 2, lastRevision: 3, commits: 4 } as const
const recordFields = { revision: 1, commitTime: 3, writer: 4, changes: 6 } as const

interface RecordHead {
  readonly changes: ChangeOutline[]
  commitTimeUs: number
  /** Decoded when first asked for. */
  writer: string | undefined
  writerStart: number
  writerEnd: number
}

/** A commit of the log, as bytes. Looked through or decoded when somebody asks, for most commits concern nobody. */
export class LogRecord {
  readonly revision: number
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number
  #head: RecordHead | undefined
  #commit: CommitRecord | undefined

  constructor(revision: number, bytes: Buffer, start = 0, end = bytes.length) {
    this.revision = revision
    this.#bytes = bytes
    this.#start = start
    this.#end = end
  }

  /** The bytes of the CommitRecord. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  /** The size of those bytes. */
  get byteLength(): number {
    return this.#end - this.#start
  }

  /** The whole message. Decoded when first asked for. */
  get commit(): CommitRecord {
    this.#commit ??= fromBinary(CommitRecordSchema, this.bytes)
    return this.#commit
  }

  /** What changed, in order, without values: costs a fraction of `commit`. */
  get changes(): readonly ChangeOutline[] {
    return this.#outline().changes
  }

  /** Microseconds since 1970. */
  get commitTimeUs(): number {
    return this.#outline().commitTimeUs
  }

  /** Who committed. */
  get writer(): string {
    const head = this.#outline()
    head.writer ??= this.#bytes.toString('utf8', head.writerStart, head.writerEnd)
    return head.writer
  }

  #outline(): RecordHead {
    if (this.#head !== undefined) return this.#head
    const head: RecordHead = { changes: [], commitTimeUs: 0, writer: undefined, writerStart: 0, writerEnd: 0 }
    const cursor = new WireCursor(this.#bytes, this.#start, this.#end)
    while (cursor.next()) {
      if (cursor.field === recordFields.changes) head.changes.push(outlineChange(this.#bytes, cursor.start, cursor.end))
      else if (cursor.field === recordFields.writer) {
        head.writerStart = cursor.start
        head.writerEnd = cursor.end
      } else if (cursor.field === recordFields.commitTime) {
        head.commitTimeUs = readTimestampUs(this.#bytes, cursor.start, cursor.end)
      }
    }
    this.#head = head
    return head
  }
}

/** The commits of a message of the log subject. */
export interface RecordBatch {
  logId: string
  records: LogRecord[]
}

/** Takes a LogBatch apart without decoding its commits. */
export function splitBatch(message: Uint8Array): RecordBatch {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength)
  const batch: RecordBatch = { logId: '', records: [] }
  const cursor = new WireCursor(bytes, 0, bytes.length)
  while (cursor.next()) {
    if (cursor.field === batchFields.logId) batch.logId = cursor.ascii()
    else if (cursor.field === batchFields.commits) {
      batch.records.push(new LogRecord(readRevision(bytes, cursor.start, cursor.end), bytes, cursor.start, cursor.end))
    }
  }
  return batch
}

function readRevision(bytes: Buffer, start: number, end: number): number {
  const cursor = new WireCursor(bytes, start, end)
  while (cursor.next()) if (cursor.field === recordFields.revision) return cursor.varint
  throw new RangeError('a commit without a revision')
}

function readTimestampUs(bytes: Buffer, start: number, end: number): number {
  const cursor = new WireCursor(bytes, start, end)
  let micros = 0
  while (cursor.next()) {
    if (cursor.field === 1) micros += cursor.varint * 1_000_000
    else if (cursor.field === 2) micros += cursor.varint / 1_000
  }
  return micros
}
