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

it('shows the nodes', async () => {
  await ok('namespace', 'register', 'demo')
  await using q = await connect({ url: system.url, token: system.token })
  await q.events.nodes.register({ namespace: 'demo', nodeId: 'api-1', instance: 'instance-1' }, { displayName: 'API' })
  expect(await ok('nodes', 'demo')).toMatch(/^namespace +node +status +last seen +name\ndemo +api-1 +online +\S+ +API$/)
  expect(await ok('nodes', '--status', 'offline')).toBe('')
  expect(JSON.parse(await ok('nodes', '--json'))).toMatchObject({ nodeId: 'api-1', status: 'online', stoppedAt: null })
})
