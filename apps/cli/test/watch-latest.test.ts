import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome, type TerminalOptions } from './_terminal.ts'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem()
  await ok(['schema', 'set', '-'], { input: '{"type": "Fan", "fields": {"Level": "Int"}}' })
  await ok(['create', 'Fan', '/', 'Fan', '--id', 'fan'])
}, 60_000)

afterAll(() => system[Symbol.asyncDispose]())

function qcore(argv: readonly string[], options: TerminalOptions = {}): Promise<Outcome> {
  return terminal(argv, { env: { Q_URL: system.url, Q_TOKEN: system.token }, ...options })
}

async function ok(argv: readonly string[], options?: TerminalOptions): Promise<string> {
  const { code, out, err } = await qcore(argv, options)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

it('changes that come faster than they are shown become one', { timeout: 60_000 }, async () => {
  const { revision } = JSON.parse(await ok(['set', 'fan', 'Level', '1', '--json'])) as { revision: number }
  for (let level = 2; level <= 6; level += 1) await ok(['set', 'fan', 'Level', `${level}`])
  const watching = ['watch', 'fan', 'Level', '--after', `${revision}`]
  const controller = new AbortController()
  const onOutput = (text: string): void => {
    if (text.includes('"value":"6"')) controller.abort()
  }
  const { signal } = controller
  const { out } = await qcore([...watching, '--latest', '--interval', '10', '--json'], { signal, onOutput })
  type Shown = { previous: { value: string }; current: { value: string }; folded?: { changes: number } }
  const shown = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Shown)
  expect([shown[0]?.previous.value, shown.at(-1)?.current.value]).toEqual(['1', '6'])
  expect(shown.reduce((sum, { folded }) => sum + (folded?.changes ?? 1), 0)).toBe(5)
})

it('an interval goes with the latest only', async () => {
  const { code, err } = await qcore(['watch', 'fan', 'Level', '--interval', '10'])
  expect([code, err]).toEqual([2, expect.stringContaining('minIntervalMs')])
})
