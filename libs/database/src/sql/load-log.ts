import { fromBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema, type CommitRecord } from '@qcore/contracts'
import type { Executor } from '../pool.ts'

/** Commits of the log, in order: those after a revision, at most `limit`. */
export async function loadLogAfter(executor: Executor, revision: number, limit: number): Promise<CommitRecord[]> {
  const records = await loadLogBytesAfter(executor, revision, limit)
  return records.map(({ record }) => fromBinary(CommitRecordSchema, record))
}

/** The same as bytes. */
export async function loadLogBytesAfter(
  executor: Executor,
  revision: number,
  limit: number,
): Promise<{ revision: number; record: Buffer }[]> {
  const { rows } = await executor.query<{ revision: number; record: Buffer }>({
    name: 'load_log_after',
    text: 'select revision, record from log where revision > $1 order by revision limit $2',
    values: [revision, limit],
  })
  return rows
}

/** Single commits of the log, in no order; those that were compacted are left out. */
export async function loadLogRevisions(executor: Executor, revisions: readonly number[]): Promise<CommitRecord[]> {
  const { rows } = await executor.query<{ record: Buffer }>({
    name: 'load_log_revisions',
    text: 'select record from log where revision = any($1::bigint[])',
    values: [revisions],
  })
  return rows.map(({ record }) => fromBinary(CommitRecordSchema, record))
}
