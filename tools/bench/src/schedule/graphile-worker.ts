import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import type { PeerJob, StartPeer } from './peer-kind.ts'

const task = 'bench'
/** As its documentation has it for throughput: a local queue, and completions together. */
const worker = {
  concurrentJobs: 64,
  pollInterval: 100,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
}

export const startGraphileWorker: StartPeer = async (address, work) => {
  const logger = new Logger(() => () => undefined)
  const runner = await run({
    connectionString: address,
    noHandleSignals: true,
    logger,
    preset: { worker },
    taskList: { [task]: async (payload) => work(payload as PeerJob) },
  })
  const adding = await makeWorkerUtils({ connectionString: address, logger })
  return {
    add: async (jobs) => {
      await adding.addJobs(jobs.map((payload) => ({ identifier: task, payload, runAt: new Date(payload.dueMs) })))
    },
    stop: async () => {
      await adding.release()
      await runner.stop()
    },
  }
}
