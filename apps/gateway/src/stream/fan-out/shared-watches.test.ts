import { create } from '@bufbuild/protobuf'
import { AccessLevel, WatchRequestSchema, type Field, type WatchRequest } from '@qcore/contracts'
import type { Claims } from '@qcore/access'
import { QError } from '@qcore/errors'
import { fromConnectError, toConnectError } from '@qcore/transport'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { logId, WatchedLog } from '../../../test/_watched-log.ts'
import { SharedWatches } from './shared-watches.ts'

let log: WatchedLog
let watches: SharedWatches
let clients: Client[]
const revoked = new Set<string>()

beforeEach(() => {
  log = new WatchedLog()
  clients = []
  revoked.clear()
  watches = new SharedWatches(log.transport, {
    recheck: ({ tokenId }) => {
      if (revoked.has(tokenId)) throw new QError('token_revoked', 'the token was revoked')
    },
  })
})

afterEach(async () => {
  for (const client of clients) client.leave()
  await Promise.all(clients.map(({ ended }) => ended))
  await vi.waitFor(() => expect(log.open).toEqual([]))
})

interface ClientOptions {
  field?: string
  token?: string
  scopes?: readonly string[]
  resumeAfter?: number
  /** Resolves when it may take the next one. */
  mayTake?: () => Promise<unknown>
}

/** Reads a watch, and keeps what it is told. */
class Client {
  readonly live: number[] = []
  readonly values: string[] = []
  readonly ended: Promise<void>
  error: QError | undefined
  reached = 0
  readonly #gone = new AbortController()

  static begin(options: ClientOptions = {}): Client {
    const client = new Client(options)
    clients.push(client)
    return client
  }

  private constructor({ token = 'ann', scopes = [], mayTake, ...asked }: ClientOptions) {
    const claims: Claims = {
      subject: token,
      tokenId: token,
      level: AccessLevel.READ,
      scopes,
      issuedAt: 0,
      expiresAt: 0,
    }
    const steps = watches.watch({ request: requestOf(asked), token, claims }, this.#gone.signal)
    this.ended = this.#read(steps, mayTake)
  }

  leave(): void {
    this.#gone.abort()
  }

  /** Waits until it has everything. */
  async caughtUp(): Promise<void> {
    await vi.waitFor(() => expect(this.reached).toBe(log.revision), { timeout: 20_000, interval: 5 })
  }

  async #read(steps: ReturnType<SharedWatches['watch']>, mayTake: (() => Promise<unknown>) | undefined): Promise<void> {
    try {
      for await (const { response } of steps) {
        const { event } = response
        if (event.case === 'live') this.live.push((this.reached = Number(event.value.revision)))
        if (event.case === 'progress') this.reached = Number(event.value.revision)
        if (event.case === 'notifications') {
          this.values.push(...event.value.notifications.map(({ current }) => textOf(current)))
          if (!event.value.more) this.reached = Number(event.value.revision)
        }
        await mayTake?.()
      }
    } catch (error) {
      this.error = fromConnectError(error)
    }
  }
}

function textOf(field: Field | undefined): string {
  const { value } = field?.value?.kind ?? {}
  return typeof value === 'string' ? value : ''
}

function requestOf({ field = 'Value', resumeAfter }: { field?: string; resumeAfter?: number }): WatchRequest {
  const target = { case: 'entityId' as const, value: 'e' }
  const request = create(WatchRequestSchema, { subscriptions: [{ target, fields: [field] }] })
  if (resumeAfter === undefined) return request
  return create(WatchRequestSchema, { ...request, resumeAfter: BigInt(resumeAfter), logId })
}

async function opened(options?: ClientOptions): Promise<Client> {
  const client = Client.begin(options)
  await vi.waitFor(() => expect(client.live).toHaveLength(1), { timeout: 20_000 })
  return client
}

const compareTexts = (one: string, other: string): number => (one < other ? -1 : 1)

/** A gate that is shut until it is opened. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { mayTake: () => promise, open: resolve }
}

const large = 'x'.repeat(40_000)

describe('watches of the same', () => {
  it('share a stream, and each gets everything from where it began', async () => {
    const first = await opened()
    log.append('a')
    await first.caughtUp()
    const second = await opened()
    const third = await opened()
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    log.append('b')
    log.append()
    log.append('c')
    await Promise.all([first, second, third].map((client) => client.caughtUp()))
    expect([first.values, second.values, third.values]).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
      ['b', 'c'],
    ])
    expect([first.live, second.live, third.live]).toEqual([[0], [1], [1]])
  })

  it('go on when one leaves, and the stream ends with the last', async () => {
    const [first, second] = [await opened(), await opened()]
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    first.leave()
    await first.ended
    expect(first.error?.code).toBe('canceled')
    log.append('a')
    await second.caughtUp()
    expect([first.values, second.values]).toEqual([[], ['a']])
    second.leave()
    await vi.waitFor(() => expect(log.open).toEqual([]))
  })

  it('share only with the same rights, whoever they are', async () => {
    const scopes = ['permission:pay']
    await Promise.all([opened({ token: 'ann' }), opened({ token: 'bob' }), opened({ token: 'eve', scopes })])
    await Promise.all([opened({ field: 'Other' }), opened({ token: 'may', scopes: [...scopes, 'store:main'] })])
    await vi.waitFor(() => expect(log.open).toHaveLength(3))
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    expect(log.open.map(({ request }) => request.subscriptions[0]?.fields[0] ?? '').sort(compareTexts)).toEqual([
      'Other',
      'Value',
      'Value',
    ])
  })

  it('that resume come to the others when they are as far, without gap or repeat', async () => {
    const first = await opened()
    for (const value of ['a', 'b', 'c']) log.append(value)
    await first.caughtUp()
    const resumed = await opened({ resumeAfter: 1 })
    await resumed.caughtUp()
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    log.append('d')
    await Promise.all([first.caughtUp(), resumed.caughtUp()])
    expect([resumed.live, resumed.values]).toEqual([[1], ['b', 'c', 'd']])
  })

  it('are not held up by one that does not read, which goes on where it was, and comes back', async () => {
    const { mayTake, open } = gate()
    const first = await opened()
    const slow = await opened({ mayTake })
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    const values = Array.from({ length: 40 }, (_, index) => `${index} ${large}`)
    for (const value of values) {
      log.append(value)
      await first.caughtUp()
    }
    expect(slow.values).toEqual([])
    open()
    await slow.caughtUp()
    // What waits for it is bounded: the rest is read from the log, once it reads.
    expect(log.calls.at(-1)?.request.resumeAfter).toBeLessThan(5n)
    expect(slow.values).toEqual(values)
    expect(slow.live).toHaveLength(1)
    log.append('last')
    await Promise.all([first.caughtUp(), slow.caughtUp()])
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    expect([first.values.at(-1), slow.values.at(-1)]).toEqual(['last', 'last'])
  })

  it('that all do not read hold up their stream', async () => {
    const { mayTake, open } = gate()
    const two = [await opened({ mayTake }), await opened({ mayTake })]
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    for (let index = 0; index < 40; index += 1) log.append(`${index} ${large}`)
    for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate)
    expect(log.calls).toHaveLength(2)
    open()
    await Promise.all(two.map((client) => client.caughtUp()))
    for (const { values } of two) expect(values).toHaveLength(40)
  })

  it('have a revision whole, however it is sent', async () => {
    const { mayTake, open } = gate()
    const first = await opened()
    const slow = await opened({ mayTake })
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    const parts = Array.from({ length: 6 }, (_, index) => `${index} ${large}`)
    log.append(...parts)
    await first.caughtUp()
    log.append('next')
    await first.caughtUp()
    open()
    await slow.caughtUp()
    expect(slow.values).toEqual([...parts, 'next'])
    expect(first.values).toEqual([...parts, 'next'])
  })

  it('go on without the one whose token their stream was opened with', async () => {
    const [first, second, same] = [await opened({ token: 'ann' }), await opened({ token: 'bob' }), await opened()]
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    log.append('a')
    await Promise.all([first, second, same].map((client) => client.caughtUp()))
    log.open[0]?.fail(toConnectError(new QError('token_expired', 'the token has ended')))
    await Promise.all([first.ended, same.ended])
    expect([first.error?.code, same.error?.code]).toEqual(['token_expired', 'token_expired'])
    log.append('b')
    await second.caughtUp()
    expect(second.values).toEqual(['a', 'b'])
    expect(second.live).toHaveLength(1)
    expect(log.open).toMatchObject([{ token: 'bob', request: { resumeAfter: 1n, logId } }])
  })

  it('end with what ends their stream', async () => {
    const two = [await opened(), await opened({ token: 'bob' })]
    await vi.waitFor(() => expect(log.open).toHaveLength(1))
    log.open[0]?.fail(toConnectError(new QError('unavailable', 'the notifier stops')))
    await Promise.all(two.map(({ ended }) => ended))
    expect(two.map(({ error }) => error?.code)).toEqual(['unavailable', 'unavailable'])
  })

  it('end for one whose own token is no longer good', async () => {
    const [first, second] = [await opened({ token: 'ann' }), await opened({ token: 'bob' })]
    revoked.add('bob')
    await second.ended
    expect(second.error?.code).toBe('token_revoked')
    log.append('a')
    await first.caughtUp()
    expect([first.values, second.values]).toEqual([['a'], []])
  })
})

it(
  'whoever comes, goes, resumes, is slow or lags: each gets every revision after its own, once, in order',
  { timeout: 60_000 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    let state = seed
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    log.lag = () => (random(8) === 0 ? random(20) : 0)
    const written: string[][] = []
    const pauses = [0, 0, 0, 1, 3, 12]
    for (let round = 0; round < 350; round += 1) {
      if (random(8) === 0 && clients.length < 40) {
        const most = pauses[random(pauses.length)] ?? 0
        const mayTake = async (): Promise<void> => {
          for (let turn = random(most + 1); turn > 0; turn -= 1) await new Promise(setImmediate)
        }
        const token = ['ann', 'bob', 'eve'][random(3)] ?? ''
        const resumeAfter = random(2) === 0 ? random(log.revision + 1) : undefined
        Client.begin({ token, mayTake, ...(resumeAfter === undefined ? {} : { resumeAfter }) })
      }
      if (random(40) === 0) clients[random(clients.length)]?.leave()
      if (random(60) === 0) {
        const call = log.open[random(log.open.length)]
        call?.fail(toConnectError(new QError(random(2) === 0 ? 'token_expired' : 'unavailable', 'it broke')))
      }
      const values = Array.from({ length: random(4) }, (_, part) => `${round}.${part} ${random(10) === 0 ? large : ''}`)
      written.push(values)
      log.append(...values)
      if (random(3) === 0) await new Promise(setImmediate)
    }
    for (const client of clients) {
      if (client.error === undefined) await Promise.race([client.caughtUp(), client.ended])
      const [from = 0] = client.live
      expect(client.live.length, `seed ${seed}`).toBeLessThanOrEqual(1)
      const all = written.slice(from).flat()
      expect(client.values, `seed ${seed}`).toEqual(all.slice(0, client.values.length))
      if (client.error === undefined) expect(client.values).toHaveLength(all.length)
    }
    await Promise.all(clients.filter(({ error }) => error === undefined).map((client) => client.caughtUp()))
  },
)
