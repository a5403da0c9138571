import { connect } from '@qcore/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome, type TerminalOptions } from './_terminal.ts'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem()
}, 30_000)

afterAll(() => system[Symbol.asyncDispose]())

function qcore(argv: readonly string[], options: TerminalOptions = {}): Promise<Outcome> {
  return terminal(argv, { env: { Q_URL: system.url, Q_TOKEN: system.token }, ...options })
}

async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await qcore(argv)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.trimEnd()
}

it('registers a namespace, emits into it and shows the events', async () => {
  expect(await ok('namespace', 'register', 'demo', '--description', 'Shop')).toBe('demo')
  expect(await ok('namespace', 'list')).toBe('demo  Shop')
  const first = await ok('emit', 'demo', 'order.placed', '{"number": 1}', '--producer', 'api-1')
  const piped = await qcore(['emit', 'demo', 'order.paid', '-', '--correlation', 'c', '--json'], { input: '[1]' })
  const second = JSON.parse(piped.out) as { id: string }
  expect(JSON.parse(await ok('events', first, '--json'))).toMatchObject({
    id: first,
    payload: { number: 1 },
    producer: 'api-1',
  })
  const lines = (await ok('events', 'demo')).split('\n')
  expect(lines.map((line) => line.split('  ').slice(1))).toEqual([
    [second.id, 'order.paid', '[1]'],
    [first, 'order.placed', '{"number": 1}'],
  ])
  expect(await ok('events', 'demo', '--type', 'order.*', '--correlation', 'c')).toContain(second.id)
  expect(await ok('events', 'demo', '--type', 'stock.>')).toBe('')
  expect(await ok('log', '--limit', '1')).toContain(`emitted order.paid in demo as ${second.id}`)
})

it('says what is wrong with an event', async () => {
  const refused = await qcore(['emit', 'demo', 'order.placed', '{'])
  expect(refused.code).not.toBe(0)
  expect(refused.err).toContain('the payload is not JSON')
  expect((await qcore(['emit', 'nowhere', 'order.placed'])).err).toContain('nowhere is not registered')
})

it('shows and cancels what is held', async () => {
  await ok('namespace', 'register', 'held')
  const first = await ok('emit', 'held', 'order.late', '{"n": 1}', '--delay', '7200', '--dedupe', 'k')
  const second = await ok('emit', 'held', 'order.soon', '{"n": 2}', '--delay', '3600')
  const lines = (await ok('held', 'held')).split('\n')
  expect(lines.map((line) => line.split('  ').slice(1))).toEqual([
    [second, 'order.soon', '{"n": 2}'],
    [first, 'order.late', '{"n": 1}'],
  ])
  expect(JSON.parse(await ok('held', 'list', 'held', '--type', '*.late', '--json'))).toMatchObject({ id: first })
  expect(await ok('held', 'cancel', first)).toBe('')
  expect((await qcore(['held', 'cancel', first])).err).toContain(`there is no event ${first}`)
  expect(await ok('held', 'held')).toContain(second)
  expect(await ok('held', 'held')).not.toContain(first)
  expect(await ok('emit', 'held', 'order.late', '--delay', '7200', '--dedupe', 'k')).not.toBe(first)
})

it('shows the nodes', async () => {
  await ok('namespace', 'register', 'demo')
  await using q = await connect({ url: system.url, token: system.token })
  await q.events.nodes.register({ namespace: 'demo', nodeId: 'api-1', instance: 'instance-1' }, { displayName: 'API' })
  expect(await ok('nodes', 'demo')).toMatch(/^namespace +node +status +last seen +name\ndemo +api-1 +online +\S+ +API$/)
  expect(await ok('nodes', '--status', 'offline')).toBe('')
  expect(JSON.parse(await ok('nodes', '--json'))).toMatchObject({ nodeId: 'api-1', status: 'online', stoppedAt: null })
})

it('shows, replays and purges dead letters', async () => {
  await ok('namespace', 'register', 'shop')
  await using q = await connect({ url: system.url, token: system.token })
  const own = { namespace: 'shop', nodeId: 'n1', instance: 'instance-1' }
  await q.events.nodes.register(own)
  const abort = new AbortController()
  const stream = q.events.delivery.consume(own, [{ pattern: 'order.*' }], { signal: abort.signal })
  await stream.next()
  await ok('emit', 'shop', 'order.placed', '{"number": 7}')
  const { value: deliveries } = await stream.next()
  const [delivery] = deliveries ?? []
  const deliveryId = delivery?.deliveryId ?? ''
  await q.events.delivery.ack(own, [{ deliveryId, answer: 'failed', error: 'Error: no stock of 7\n  at stock.ts' }])
  expect(await ok('groups', 'shop')).toMatch(/\ndefault +order\.\* +0 +0 +n1$/)
  expect(await ok('dead-letters', 'list', 'shop')).toMatch(/order\.placed +failed +1 +Error: no stock of 7$/)
  const { id } = JSON.parse(await ok('dead-letters', 'list', 'shop', '--json')) as { id: string }
  expect(await ok('dead-letters', 'show', 'shop', id)).toContain('{"number": 7}\nError: no stock of 7\\n  at stock.ts')
  expect(await ok('dead-letters', 'kinds', 'shop')).toMatch(/\n1 +[0-9a-f]{16} +default +order\.placed +Error/)
  expect((await qcore(['dead-letters', 'replay', 'shop'])).err).toContain('--all')
  expect(await ok('dead-letters', 'replay', 'shop', '--dry-run')).toBe('1')
  expect(await ok('dead-letters', 'replay', 'shop', '--id', id, '--per-second', '5')).toBe('1')
  const { value: again } = await stream.next()
  expect(again).toMatchObject([{ replayOf: delivery?.event.id, event: { payload: { number: 7 } } }])
  const replayed = again?.[0]?.deliveryId ?? ''
  await q.events.delivery.ack(own, [{ deliveryId: replayed, answer: 'failed', error: 'still none' }])
  expect(await ok('dead-letters', 'purge', 'shop', '--type', 'order.*')).toBe('1')
  expect(await ok('dead-letters', 'list', 'shop')).toBe('')
  expect(await ok('dead-letters', 'actions', 'shop')).toMatch(/purge 1 {2}ada\n.*replay 1 {2}ada$/)
  abort.abort()
  await stream.next().catch(() => undefined)
})
