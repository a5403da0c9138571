import { PgBoss } from 'pg-boss'
import type { PeerJob, StartPeer } from './peer-kind.ts'

const queue = 'bench'
/** Batches, fetched one after the other as long as they are full: the fastest that it offers. */
const working = { batchSize: 100, localConcurrency: 4, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }

export const startPgBoss: StartPeer = async (address, work) => {
  const boss = new PgBoss({ connectionString: address, schema: 'pgboss' })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(queue)
  await boss.work<PeerJob>(queue, working, async (jobs) => {
    await Promise.all(jobs.map(({ data }) => work(data)))
  })
  return {
    add: async (jobs) => {
      await boss.insert(
        queue,
        jobs.map((data) => ({ data, startAfter: new Date(data.dueMs) })),
      )
    },
    stop: () => boss.stop({ graceful: false }),
  }
}
