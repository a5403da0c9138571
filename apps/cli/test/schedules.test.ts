import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
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

async function json<T>(...argv: string[]): Promise<T> {
  return JSON.parse(await ok(...argv, '--json')) as T
}

it('makes a schedule, shows it, runs it, and tells what became of it', async () => {
  await ok('namespace', 'register', 'demo')
  const id = await ok('schedules', 'put', 'demo', '0 0 1 1 *', '--name', 'yearly', '--emit', 'tick', '--tag', 'a', 'b')
  expect(
    await ok('schedules', 'put', 'demo', '0 0 1 1 *', '--name', 'yearly', '--emit', 'tick', '--tag', 'a', 'b'),
  ).toBe(id)
  expect(await ok('schedules', 'list', '--tag', 'b')).toMatch(/yearly +active +0 0 1 1 \* +emit +tick/)
  expect(await json('schedules', 'show', 'demo/yearly')).toMatchObject({ id, state: 'active', tags: ['a', 'b'] })
  expect(await ok('schedules', 'show', id)).toContain('demo')
  const key = randomUUID()
  const occurrence = await ok('schedules', 'run', id, '--key', key)
  expect(await ok('schedules', 'run', 'demo/yearly', '--key', key)).toBe(occurrence)
  await vi.waitFor(async () => {
    const found = await json<{ state: string; attempts: unknown[] }>('schedules', 'occurrence', occurrence)
    expect(found).toMatchObject({
      state: 'completed',
      cause: 'manual',
      lastAttempt: { number: 1, outcome: 'succeeded' },
      attempts: [{ number: 1, outcome: 'succeeded' }],
    })
  })
  const listed = (await ok('schedules', 'occurrences', id, '--json'))
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(listed).toContainEqual(
    expect.objectContaining({
      id: occurrence,
      lastAttempt: expect.objectContaining({ number: 1, outcome: 'succeeded' }),
      attempts: [],
    }),
  )
  expect(await ok('schedules', 'occurrences', id)).toContain('completed')
  expect(await ok('events', 'demo')).toContain('tick')
  expect(await ok('log', '--limit', '20')).toContain(`put schedule yearly of demo as ${id}`)
})

it('makes schedules that write, publish and call clients', async () => {
  await qcore(['schema', 'set', '-'], { input: '{"type": "Lamp", "fields": {"Level": "Int"}}' })
  await ok('create', 'Lamp', '/', 'hall', '--id', 'hall')
  const put = (...action: string[]): Promise<string> => ok('schedules', 'put', 'demo', '@yearly', ...action)
  const id = await put('--write', 'hall', '--field', 'Level', '--value', '7')
  expect(await json('schedules', 'show', id)).toMatchObject({ action: 'write', target: 'hall Level' })
  await ok('schedules', 'run', id)
  await vi.waitFor(async () => expect(await ok('get', 'hall', 'Level')).toContain('7'), 20_000)
  const published = await put('--publish', 'app.lamps', '--body', 'on', '--stream')
  expect(await json('schedules', 'show', published)).toMatchObject({ action: 'publish', target: 'app.lamps' })
  const called = await put('--client', 'panel', '--broadcast')
  expect(await json('schedules', 'show', called)).toMatchObject({ action: 'websocket', target: 'panel' })
  for (const wrong of [[], ['--publish', 'app.a', '--client', 'b'], ['--write', 'hall'], ['--publish', 'q.main.log']]) {
    const { code, err } = await qcore(['schedules', 'put', 'demo', '@yearly', ...wrong])
    expect(code).not.toBe(0)
    expect(err).toMatch(/say|subject/)
  }
})

it('pauses, resumes and deletes', async () => {
  const id = await ok(
    'schedules',
    'put',
    'demo',
    '@daily',
    '--webhook',
    'https://example.com/hook',
    '--secret',
    'geheim',
  )
  expect(await ok('schedules', 'show', id)).not.toContain('geheim')
  expect(await ok('schedules', 'pause', id)).toMatch(/^revision \d+$/)
  expect(await json('schedules', 'show', id)).toMatchObject({ state: 'paused', action: 'webhook' })
  await ok('schedules', 'resume', id)
  await ok('schedules', 'delete', id)
  const gone = await qcore(['schedules', 'show', id])
  expect(gone.code).not.toBe(0)
  expect(gone.err).toContain('there is no such schedule')
})

it('pauses and resumes by tags, and rotates a secret', async () => {
  const webhook = ['--webhook', 'https://example.com/hook', '--secret', 'geheim', '--tag', 'rare', 'x']
  const id = await ok('schedules', 'put', 'demo', '@yearly', ...webhook)
  expect(await ok('schedules', 'pause', '--tag', 'rare', 'y', '--namespace', 'demo')).toBe('1 schedules')
  expect(await json('schedules', 'show', id)).toMatchObject({ state: 'paused' })
  expect(await json('schedules', 'resume', '--tag', 'rare', 'y', '--all-tags')).toEqual({ count: 0, revision: 0 })
  expect(await json('schedules', 'resume', '--tag', 'rare', 'x', '--all-tags')).toMatchObject({ count: 1 })
  const neither = await qcore(['schedules', 'pause'])
  expect(neither.code).not.toBe(0)
  expect(neither.err).toContain('either a schedule is named, or tags are')
  const rotate = ['schedules', 'rotate-secret', id, '--secret', 'neu']
  expect(await ok(...rotate)).toMatch(/^revision \d+, both until \d{4}-/)
  expect(await ok(...rotate, '--overlap', '0')).toMatch(/^revision \d+$/)
})

it('previews, cancels, moves, fills and explains', async () => {
  const preview = await ok('schedules', 'preview', '0 9 * * 1', '--from', '2026-11-21T00:00:00Z', '--count', '2')
  expect(preview.split('\n').slice(1)).toEqual(['2026-11-23T09:00:00.000000Z', '2026-11-30T09:00:00.000000Z'])
  const id = await ok('schedules', 'put', 'demo', '0 0 1 1 *', '--emit', 'tick', '--paused')
  expect(await ok('schedules', 'backfill', id, '2024-01-01T00:00:00Z', '2025-01-02T00:00:00Z')).toBe('2 occurrences')
  await ok('schedules', 'resume', id)
  expect(await ok('schedules', 'cancel', id, '2031-01-01T00:00:00Z')).toBe('cancelled')
  expect(await ok('schedules', 'explain', id, '2031-01-01T00:00:00Z')).toBe('It did not run: somebody cancelled it.')
  const moved = await ok('schedules', 'move', id, '2032-01-01T00:00:00Z', '2032-01-02T00:00:00Z')
  expect(moved).toBe('due 2032-01-02T00:00:00.000000Z')
})

it.each([
  [['put', 'demo', '99 * * * *', '--emit', 'tick'], 'cron.minute'],
  [['put', 'demo', '@daily'], 'say one of --emit'],
  [['put', 'demo', '@daily', '--emit', 'tick', '--catch-up', 'maybe'], 'skip, last, all'],
  [['preview', '0 0 30 2 *'], 'no occurrence'],
  [['pause', 'demo/nobody'], 'there is no such schedule'],
])('says what is wrong with %j', async (argv, text) => {
  const { code, err } = await qcore(['schedules', ...argv])
  expect(code).not.toBe(0)
  expect(err).toContain(text)
})
