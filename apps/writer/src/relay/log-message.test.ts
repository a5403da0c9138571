import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema, LogBatchSchema, type LogBatch } from '@qcore/contracts'
import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { encodeCommits, logMessages } from './log-message.ts'

function records(count: number, bytes: number): { revision: number; record: Uint8Array }[] {
  return Array.from({ length: count }, (_, index) => {
    const revision = index + 7
    const message = create(CommitRecordSchema, { revision: BigInt(revision), writer: 'w'.repeat(bytes) })
    return { revision, record: toBinary(CommitRecordSchema, message) }
  })
}

function batches(count: number, bytes: number, mostBytes: number): LogBatch[] {
  return logMessages('log', encodeCommits(records(count, bytes)), mostBytes).map((message) => {
    expect(message.bytes.length).toBeLessThanOrEqual(mostBytes)
    const batch = fromBinary(LogBatchSchema, message.bytes)
    expect([Number(batch.firstRevision), Number(batch.lastRevision)]).toEqual([
      message.firstRevision,
      message.lastRevision,
    ])
    return batch
  })
}

describe('the messages of the log', () => {
  it('carry a group in one', () => {
    const [batch, ...more] = batches(5, 10, 100_000)
    expect(more).toEqual([])
    expect(batch).toMatchObject({ logId: 'log', firstRevision: 7n, lastRevision: 11n })
    expect(batch?.commits.map(({ revision }) => revision)).toEqual([7n, 8n, 9n, 10n, 11n])
  })

  it('are as many as the payload limit makes them, without a gap', () => {
    const all = batches(50, 200, 2_000)
    expect(all.length).toBeGreaterThan(5)
    expect(all.flatMap(({ commits }) => commits.map(({ revision }) => Number(revision)))).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 7),
    )
    for (const batch of all) {
      expect(batch.firstRevision).toBe(batch.commits[0]?.revision)
      expect(batch.lastRevision).toBe(batch.commits.at(-1)?.revision)
    }
  })
})
