import type { Control } from './control.ts'
import { completeRecording, TinyHistory } from './tiny-history.ts'
import { encodeCommit, TinyStore } from './tiny-store.ts'

const key = 'hot-1/A'

export const retryWithoutKey: Control = {
  name: 'retry-without-key',
  summary: 'a client that repeats a commit whose answer was lost, at a writer that does not remember it',
  needs: [],
  bites: ['settled'],
  record: async ({ postgres }) => {
    await using store = await TinyStore.open(postgres)
    const commit = { epoch: 1, requestKey: 'a', key, value: 'a', previous: { value: '', revision: 0 } }
    const send = async (): Promise<number> => {
      const { rows } = await store.pool.query<{ revision: string }>(
        'insert into log (record) values ($1) returning revision',
        [encodeCommit(commit)],
      )
      return Number(rows[0]?.revision)
    }
    const history = new TinyHistory()
    await history.operate('write', { requestKey: 'a' }, async () => {
      await send()
      return { revision: await send(), writes: { [key]: 'a' } }
    })
    return completeRecording(await store.dump(), { operations: history.operations })
  },
}
