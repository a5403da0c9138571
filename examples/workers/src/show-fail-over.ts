import { setTimeout as delay } from 'node:timers/promises'
import type { ApplicationSettings } from '@qcore/application'
import type { Client, Entity } from '@qcore/client'
import type { LeadershipStore } from '@qcore/leadership'
import { counterOf, createMyApp, type MyApp } from './my-app.ts'

/** Time between two looks, and how long something may take that has to come, in milliseconds. */
const lookMs = 20
const patienceMs = 60_000
/** What each leader counts before it is asked to hand over. */
const countsEach = 3n

interface FailOverOptions {
  readonly open: () => Promise<Client>
  readonly leasesOf: (q: Client) => LeadershipStore
  readonly settings: ApplicationSettings
  readonly print: (line: string) => void
}

/** Two instances of an application: one leads, is told to hand over, and the other one goes on. */
export async function showFailOver({ open, leasesOf, settings, print }: FailOverOptions): Promise<void> {
  await using parts = new AsyncDisposableStack()
  const instances: MyApp[] = []
  const watcher = parts.use(await open())
  const counter = await counterOf(watcher)
  await watcher.write(counter, 'Count', 0n)
  for (const id of ['one', 'two']) {
    const q = parts.use(await open())
    const leases = parts.use(leasesOf(q))
    const instance = createMyApp(q, { counter, leases, settings: { ...settings, instanceId: `${id}-${process.pid}` } })
    parts.use(instance.app)
    await instance.app.start()
    instances.push(instance)
  }
  const first = await leaderAmong(instances)
  await counted(watcher, counter, countsEach)
  print('the first leader counts')
  await watcher.write(first.store.service, 'FailOverTrigger', 0)
  const second = await leaderAmong(instances.filter((each) => each !== first))
  await counted(watcher, counter, (await countOf(watcher, counter)) + countsEach)
  print('the second leader goes on counting')
  const terms = [first.leadership.term, second.leadership.term]
  print(`the first one leads ${terms[0] === undefined ? 'no more' : 'still'}`)
}

async function leaderAmong(instances: readonly MyApp[]): Promise<MyApp> {
  let leader: MyApp | undefined
  await until(async () => (leader = instances.find(({ leadership }) => leadership.isLeader)) !== undefined)
  if (leader === undefined) throw new Error('there is no leader')
  return leader
}

async function counted(q: Client, counter: Entity, count: bigint): Promise<void> {
  await until(async () => {
    return (await countOf(q, counter)) >= count
  })
}

async function countOf(q: Client, counter: Entity): Promise<bigint> {
  const { value } = await q.read(counter, 'Count', { consistency: 'latest' })
  return typeof value === 'bigint' ? value : 0n
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('it takes too long')
    await delay(lookMs)
  }
}
