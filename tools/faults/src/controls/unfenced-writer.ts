import { setTimeout as delay } from 'node:timers/promises'
import type { FieldRead, Key } from '../history/operation.ts'
import type { Control } from './control.ts'
import { completeRecording, TinyHistory } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const leaseMs = 300
const key = 'hot-1/A'
const nothing: FieldRead = { value: '', revision: 0 }

export const unfencedWriter: Control = {
  name: 'unfenced-writer',
  summary: 'a writer with a lease and without a fence, that is stopped between its look at the lease and its write',
  needs: [],
  bites: ['epochs', 'linearizable', 'serializable'],
  record: async ({ postgres }) => {
    await using store = await TinyStore.open(postgres, {
      tables: `
        create table lease (epoch bigint not null, ends_at timestamptz not null);
        insert into lease values (0, '-infinity')`,
    })
    const history = new TinyHistory()
    const first = await LeasedWriter.take(store)
    await history.operate('write', { requestKey: 'a' }, () => first.write('a'))
    const pause = Promise.withResolvers<void>()
    const stopped = history.operate('swap', { requestKey: 'b', expectedRevision: 1 }, () =>
      first.swap('b', 1, pause.promise),
    )
    await delay(leaseMs)
    const second = await LeasedWriter.take(store)
    await history.operate('write', { requestKey: 'c' }, () => second.write('c'))
    pause.resolve()
    await stopped
    await history.operate('read', {}, async () => {
      const { head, fields } = await store.dump()
      return { revision: head.revision, reads: fields }
    })
    await history.operate('read', {}, async () => second.read())
    return completeRecording(await store.dump(), { operations: history.operations })
  },
}

/** Leads as long as its lease lasts, as far as it looked, and keeps the field in memory. */
class LeasedWriter {
  readonly #store: TinyStore
  readonly #epoch: number
  readonly #endsMs = performance.now() + leaseMs
  #held: FieldRead

  static async take(store: TinyStore): Promise<LeasedWriter> {
    for (;;) {
      const { rows } = await store.pool.query<{ epoch: string }>(
        `update lease set epoch = epoch + 1, ends_at = clock_timestamp() + $1 * interval '1 ms'
         where ends_at < clock_timestamp() returning epoch`,
        [leaseMs],
      )
      const [lease] = rows
      if (lease === undefined) {
        await delay(leaseMs / 10)
        continue
      }
      const { fields } = await store.dump()
      return new LeasedWriter(store, Number(lease.epoch), fields[key] ?? nothing)
    }
  }

  private constructor(store: TinyStore, epoch: number, held: FieldRead) {
    this.#store = store
    this.#epoch = epoch
    this.#held = held
  }

  async write(value: string, pause = Promise.resolve()): Promise<{ revision: number; writes: Record<Key, string> }> {
    if (performance.now() > this.#endsMs) throw new Error('the lease is over')
    await pause
    const record = encodeCommit({ epoch: this.#epoch, requestKey: value, key, value, previous: this.#held })
    const { rows } = await this.#store.pool.query<{ revision: string }>(
      'insert into log (record) values ($1) returning revision',
      [record],
    )
    this.#held = { value, revision: Number(rows[0]?.revision) }
    return { revision: this.#held.revision, writes: { [key]: value } }
  }

  swap(value: string, expected: number, pause: Promise<void>): ReturnType<LeasedWriter['write']> {
    if (this.#held.revision !== expected) throw new Error('the condition does not hold')
    return this.write(value, pause)
  }

  read(): { revision: number; reads: Record<Key, FieldRead> } {
    return { revision: this.#held.revision, reads: { [key]: this.#held } }
  }
}
