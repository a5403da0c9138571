import { randomUUID } from 'node:crypto'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { CommitRecordSchema, type CommitRecord } from '@qcore/contracts'
import type { BackingServer } from '@qcore/local-stack'
import { Pool } from 'pg'
import { entryOf } from '../history/dump-log.ts'
import type { FieldRead, Key } from '../history/operation.ts'
import type { Recording } from '../history/recording.ts'
import { registerType, splitKey } from '../load/keys.ts'

/** A commit of one field. */
export interface TinyCommit {
  readonly epoch: number
  readonly requestKey: string
  readonly key: Key
  readonly value: string
  readonly previous: FieldRead
}

/** A store as small as can be: a table that is the log. What is right or wrong with it is its writers' doing. */
export class TinyStore implements AsyncDisposable {
  readonly logId = randomUUID()
  readonly pool: Pool
  readonly #schema = `tiny_${randomUUID().replaceAll('-', '')}`

  /** @param columns further columns and tables, in SQL */
  static async open({ url }: BackingServer, { logColumns = '', tables = '' } = {}): Promise<TinyStore> {
    const store = new TinyStore(url)
    await store.pool.query(`create schema ${store.#schema}`)
    await store.pool.query(`create table log (revision bigserial primary key, record bytea not null${logColumns})`)
    if (tables !== '') await store.pool.query(tables)
    return store
  }

  private constructor(url: string) {
    this.pool = new Pool({ connectionString: url, options: `-c search_path=${this.#schema}`, max: 4 })
    this.pool.on('error', () => undefined)
  }

  /** The log and what follows from it, as the checks want them. */
  async dump(): Promise<Pick<Recording, 'log' | 'head' | 'fields'>> {
    const log = (await this.records()).map(entryOf)
    const last = log.at(-1)
    const fields = log.flatMap(({ revision, changes }) =>
      changes.map(({ key, value }) => [key, { value, revision }] as const),
    )
    const epoch = Math.max(0, ...log.map((entry) => entry.epoch))
    return {
      log,
      head: { revision: last?.revision ?? 0, epoch, logId: this.logId },
      fields: Object.fromEntries(fields),
    }
  }

  async records(): Promise<CommitRecord[]> {
    const { rows } = await this.pool.query<{ revision: string; record: Buffer }>(
      'select revision, record from log order by revision',
    )
    return rows.map(({ revision, record }) => {
      const decoded = fromBinary(CommitRecordSchema, record)
      decoded.revision = BigInt(revision)
      return decoded
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.query(`drop schema if exists ${this.#schema} cascade`)
    await this.pool.end()
  }
}

/** The bytes of a commit. */
export function encodeCommit({ epoch, requestKey, key, value, previous }: TinyCommit): Uint8Array {
  const { entityId, field } = splitKey(key)
  const change = {
    entityId,
    entityType: registerType,
    name: field,
    value: { kind: { case: 'string' as const, value } },
    previous: {
      name: field,
      revision: BigInt(previous.revision),
      value: { kind: { case: 'string' as const, value: previous.value } },
    },
  }
  return toBinary(
    CommitRecordSchema,
    create(CommitRecordSchema, {
      epoch: BigInt(epoch),
      idempotencyKey: requestKey,
      changes: [{ kind: { case: 'fieldChanged', value: change } }],
    }),
  )
}
