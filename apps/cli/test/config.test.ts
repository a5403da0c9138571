import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome, type TerminalOptions } from './_terminal.ts'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem()
}, 30_000)

afterAll(() => system[Symbol.asyncDispose]())

function qcore(argv: readonly string[], options: TerminalOptions = {}): Promise<Outcome> {
  return terminal(['config', ...argv], { env: { Q_URL: system.url, Q_TOKEN: system.token }, ...options })
}

async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await qcore(argv)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.trimEnd()
}

it('sets, shows, lists and deletes keys', async () => {
  expect(await ok('set', 'limit:a', '{"most": 12345678901234567890}')).toMatch(/^set at revision \d+$/)
  expect(await ok('set', 'limit:a', '{"most": 12345678901234567890}')).toMatch(/^unchanged at revision \d+$/)
  await ok('set', 'limit:b', 'as it is', '--text')
  expect((await qcore(['set', 'limit:c', '-'], { input: '[1]' })).code).toBe(0)
  expect(await ok('get', 'limit:a')).toBe('{"most":12345678901234567890}')
  expect(await ok('list', 'limit:')).toBe('limit:a  {"most":12345678901234567890}\nlimit:b  "as it is"\nlimit:c  [1]')
  const entry = JSON.parse(await ok('get', 'limit:b', '--json')) as { revision: number }
  expect(entry).toMatchObject({ key: 'limit:b', value: 'as it is', expiresAt: null })
  expect(await ok('delete', 'limit:b', '--if-revision', String(entry.revision))).toMatch(/^deleted at revision/)
  expect(await ok('delete', 'limit:b')).toBe('was not there')
  expect((await qcore(['get', 'limit:b'])).err).toContain('limit:b')
})

it('says what is wrong with a value', async () => {
  const refused = await qcore(['set', 'a', 'text'])
  expect(refused.code).not.toBe(0)
  expect(refused.err).toContain('--text')
  expect((await qcore(['set', 'limit:a', '1', '--if-revision', '0'])).err).toContain('limit:a is at revision')
})

it('shows the history, and goes back', async () => {
  await ok('set', 'told', '1')
  const { revision } = JSON.parse(await ok('get', 'told', '--json')) as { revision: number }
  await ok('set', 'told', 'null')
  await ok('delete', 'told')
  const lines = (await ok('history', 'told')).split('\n')
  expect(lines.map((line) => line.split('  ').slice(2, 4))).toEqual([
    ['told', 'deleted'],
    ['told', 'null'],
    ['told', '1'],
  ])
  const [newest] = (await ok('history', '--prefix', 'tol', '--limit', '1', '--json')).split('\n')
  expect(JSON.parse(newest ?? '')).toMatchObject({ key: 'told', previous: null, storeRevision: expect.any(Number) })
  expect(await ok('rollback', String(revision), 'told')).toBe('told')
  expect(await ok('get', 'told')).toBe('1')
})

it('watches from a revision on', async () => {
  await ok('set', 'watched', '1')
  const { revision } = JSON.parse(await ok('get', 'watched', '--json')) as { revision: number }
  await ok('set', 'watched', '2')
  const out = await ok('watch', 'watched', '--after', String(revision), '--count', '1')
  expect(out).toMatch(/^\d+ {2}watched {2}2 {2}\S+$/)
})

it('shows every instance and whether it is in sync', async () => {
  const [first, header, row] = (await ok('status')).split('\n')
  expect(first).toMatch(/^revision \d+, \d+ keys, digest [0-9a-f]{16}$/)
  expect(header).toMatch(/^instance +revision +lag +digest +reported/)
  expect(row).toMatch(/^notifier \S+ +\d+ +\d+ +[0-9a-f]{16} +\S+ +(in sync|behind)$/)
  const { instances } = JSON.parse(await ok('status', '--json')) as { instances: unknown[] }
  expect(instances).toHaveLength(1)
})
