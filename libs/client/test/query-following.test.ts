import { afterAll, beforeAll, expect, expectTypeOf, it, vi } from 'vitest'
import { commit, ResultList, type Client, type QueryNotification, type Subscription } from '../src/index.ts'
import { natsClient, startStore } from './_store.ts'

const running = new AsyncDisposableStack()
let q: Client
let root: string

beforeAll(async () => {
  const store = running.use(await startStore(['auth', 'writer', 'reader', 'notifier']))
  q = running.use(await natsClient(store, await store.mint()))
  await q.setSchema({ type: 'Site', fields: { Status: 'String' } })
  await q.setSchema({ type: 'Device', fields: { Level: 'Int', Note: 'String', Site: 'EntityReference' } })
  root = (await q.root()).id
  for (const id of sites) await q.create('Site', { parent: root, name: id, id })
})

afterAll(() => running.disposeAsync())

const sites = ['s0', 's1', 's2']
const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T
const number = (below: number): number => Math.floor(Math.random() * below)

/** A commit at random; some are refused, for what they name is not there. */
async function commitAtRandom(): Promise<void> {
  const device = `d${number(8)}`
  const changes = commit()
  for (let count = 1 + number(3); count > 0; count--) {
    const site = pick(sites)
    const act = pick([
      () => changes.create('Device', { parent: pick([root, site]), name: `name ${number(3)}`, id: device }),
      () => changes.delete(device),
      () => changes.move(device, { parent: site }),
      () => changes.write(device, 'Level', number(4)),
      () => changes.write(device, 'Level', number(4)),
      () => changes.write(device, 'Note', pick(['a', 'b', 'ab'])),
      () => changes.write(device, 'Site', site),
      () => changes.write(site, 'Status', pick(['on', 'off'])),
    ])
    act()
  }
  await q.commit(changes).catch(() => undefined)
}

const queries = [
  `SELECT Level, Note FROM Device WHERE Level > 1 ORDER BY Level DESC, Note`,
  `SELECT Name, Site->Status FROM Device WHERE Site->Status = 'on' ORDER BY Name LIMIT 3`,
  `SELECT * FROM Device WHERE NOT (Note CONTAINS 'b') OR Parent->Status = 'off'`,
]

interface Shown {
  id: string
  name: string
  fields: Record<string, unknown>
}

function shown(
  entities: Iterable<{ id: string; name: string; fields: Readonly<Record<string, { value: unknown }>> }>,
): Shown[] {
  return Array.from(entities, ({ id, name, fields }) => {
    const values = Object.entries(fields).map(([path, { value }]) => [path, value] as const)
    return { id, name, fields: Object.fromEntries(values) }
  })
}

/** Somebody who keeps a result, leaves and comes back. */
class Follower {
  readonly results = new Map<number, Shown[]>()
  readonly #query: string
  readonly #list = new ResultList()
  #subscription: Subscription | undefined
  reached = 0

  constructor(query: string) {
    this.#query = query
  }

  async follow(): Promise<void> {
    const position = this.#subscription?.position
    const target = { query: this.#query, initial: position === undefined }
    this.#subscription = await q.notify(target, (change) => this.#take(change), {
      ...(position === undefined ? {} : { resumeAfter: position }),
      onProgress: (revision) => {
        this.reached = revision
        this.results.set(revision, shown(this.#list.entities))
      },
    })
  }

  async leave(): Promise<void> {
    await this.#subscription?.unsubscribe()
  }

  #take(change: QueryNotification): void {
    expectTypeOf(change.kind).toEqualTypeOf<'enter' | 'change' | 'leave'>()
    this.#list.apply(change)
  }
}

it(
  'folding the changes of queries is running them, at every revision, also for those who leave and come back',
  { timeout: 120_000 },
  async () => {
    for (let count = 0; count < 20; count++) await commitAtRandom()
    const followers = queries.map((query) => new Follower(query))
    await Promise.all(followers.map((follower) => follower.follow()))
    for (let count = 0; count < 150; count++) {
      await Promise.all([commitAtRandom(), commitAtRandom()])
      const leaver = pick(followers)
      if (number(8) !== 0) continue
      await leaver.leave()
      await commitAtRandom()
      await leaver.follow()
    }
    const last = q.revision
    await vi.waitFor(() => expect(followers.every(({ reached }) => reached >= last)).toBe(true), { timeout: 10_000 })
    for (const [index, { results }] of followers.entries()) {
      expect(results.size).toBeGreaterThan(10)
      for (const [revision, folded] of results) {
        const found = []
        for await (const entity of q.at(revision).query(queries[index] ?? '')) found.push(entity)
        expect(folded, `revision ${revision}: ${queries[index]}`).toEqual(shown(found))
      }
    }
  },
)
