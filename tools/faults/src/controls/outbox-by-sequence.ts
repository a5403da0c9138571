import type { SubscriberRecord } from '../history/recording.ts'
import { entryOf } from '../history/dump-log.ts'
import type { Control } from './control.ts'
import { completeRecording } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const key = 'hot-1/A'

export const outboxBySequence: Control = {
  name: 'outbox-by-sequence',
  summary: 'revisions from a sequence, and a consumer that asks for those after the last one it saw',
  needs: [],
  bites: ['revisions', 'watches'],
  record: async ({ postgres }) => {
    await using store = await TinyStore.open(postgres)
    const consumer = new SequenceConsumer(store)
    // Two transactions at a time: the one that began first commits last. A third one is given up.
    const slow = await store.pool.connect()
    try {
      await slow.query('begin')
      await slow.query('insert into log (record) values ($1)', [commitOf('a')])
      await store.pool.query('insert into log (record) values ($1)', [commitOf('b')])
      await consumer.poll()
      await slow.query('commit')
      await consumer.poll()
      await slow.query('begin')
      await slow.query('insert into log (record) values ($1)', [commitOf('c')])
      await slow.query('rollback')
    } finally {
      slow.release()
    }
    await store.pool.query('insert into log (record) values ($1)', [commitOf('d')])
    await consumer.poll()
    return completeRecording(await store.dump(), { subscribers: [consumer.record()] })
  },
}

class SequenceConsumer {
  readonly #store: TinyStore
  readonly #told: SubscriberRecord['notifications'][number][] = []
  #last = 0

  constructor(store: TinyStore) {
    this.#store = store
  }

  async poll(): Promise<void> {
    for (const record of await this.#store.records()) {
      const { revision, changes } = entryOf(record)
      if (revision <= this.#last) continue
      this.#last = revision
      for (const { key, value, previousValue } of changes) this.#told.push({ revision, key, value, previousValue })
    }
  }

  record(): SubscriberRecord {
    return {
      name: 'by sequence',
      entityId: '',
      fromRevision: 0,
      toRevision: this.#last,
      notifications: this.#told,
      failure: '',
    }
  }
}

function commitOf(value: string): Uint8Array {
  return encodeCommit({ epoch: 1, requestKey: value, key, value, previous: { value: '', revision: 0 } })
}
