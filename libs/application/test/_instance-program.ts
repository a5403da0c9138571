// An instance of an application, as a program of its own: tells what happens on standard error, line by line.
import { commit, connect, isQError, type CommitInput } from '@qcore/client'
import { openLeadershipStore } from '@qcore/leadership'
import { Application, connectionOf, LeadershipWorker, StoreWorker, type Worker } from '../src/index.ts'

const tell = (line: string): void => void process.stderr.write(`${line}\n`)
const { COUNTER: counter = '', LEASE_MS: leaseMs = '2000', HANG: hang } = process.env

const app = new Application('sample', { tickMs: 10, stopTimeoutMs: 1_500 })
const { settings } = app
await using q = await connect(connectionOf(settings))
await using leases = openLeadershipStore(settings.leaderStoreAddress, { client: q })
const store = new StoreWorker(q, { checkMs: 50 })
const leadership = new LeadershipWorker(store, leases, { leaseMs: Number(leaseMs), checkMs: 20 })

/** Begun in time, sent too late: what a process does that was stopped in between. */
let prepared: CommitInput | undefined
leadership.becameLeader.connect(() => tell(`leader ${leadership.term}`))
leadership.becameFollower.connect(() => tell('follower'))
leadership.losingLeadership.connect(async () => {
  tell('losing')
  if (prepared === undefined) return
  const outcome = await q.commit(prepared).then(
    () => 'made',
    (error: unknown) => (isQError(error) ? error.code : String(error)),
  )
  tell(`prepared commit: ${outcome}`)
})

const worker: Worker = {
  name: 'counting',
  init: ({ signal }) => signal.addEventListener('abort', () => tell('stopping')),
  doWork() {
    if (!leadership.isLeader) return
    tell('turn as leader')
    prepared = leadership.guard(commit().write(counter, 'Value', BigInt(leadership.term ?? 0)))
  },
  deinit: () => (hang === 'yes' ? new Promise(() => {}) : tell('deinit')),
}
await app.add(store, leadership, worker).execute()
tell('over')
