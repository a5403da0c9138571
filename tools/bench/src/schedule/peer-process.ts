// A peer in a process of its own, as the scheduler has one.
import { nowMs, type Run } from './contender.ts'
import { startGraphileWorker } from './graphile-worker.ts'
import type { PeerJob, PeerKind, PeerRequest } from './peer-kind.ts'
import { startPgBoss } from './pg-boss-worker.ts'

const [kind, address = '', receiverUrl = ''] = process.argv.slice(2)
const starts = { 'pg-boss': startPgBoss, 'graphile-worker': startGraphileWorker }
/** Jobs of one statement. */
const perAdd = 100
const addsInFlight = 4
let runs: Run[] = []

const peer = await starts[kind as PeerKind](address, work)
process.on('message', (request: PeerRequest) => {
  void answer(request).then((reply) => process.send?.(reply))
})
process.send?.('ready')
await new Promise<void>((resolve) => process.on('disconnect', resolve))
await peer.stop()

async function work({ dueMs, action }: PeerJob): Promise<void> {
  const startedMs = nowMs()
  if (action === 'webhook') {
    const body = JSON.stringify({ scheduled_at: new Date(dueMs).toISOString(), attempt: 1 })
    const response = await fetch(receiverUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    await response.text()
    if (!response.ok) throw new Error(`status ${response.status}`)
  }
  runs.push({ dueMs, startedMs, endedMs: nowMs() })
}

async function answer(request: PeerRequest): Promise<unknown> {
  switch (request.kind) {
    case 'add':
      return add(request.dueMs.map((dueMs) => ({ dueMs, action: request.action })))
    case 'count':
      return runs.length
    case 'results': {
      const done = runs
      runs = []
      return done
    }
    default:
      return request satisfies never
  }
}

async function add(jobs: readonly PeerJob[]): Promise<'added'> {
  let next = 0
  const adder = async (): Promise<void> => {
    while (next < jobs.length) {
      const from = next
      next += perAdd
      await peer.add(jobs.slice(from, from + perAdd))
    }
  }
  await Promise.all(Array.from({ length: addsInFlight }, adder))
  return 'added'
}
