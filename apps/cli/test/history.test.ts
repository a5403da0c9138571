import { connect } from '@qcore/client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exitCodes } from '../src/exit-code.ts'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome } from './_terminal.ts'

let system: TestSystem
/** Of the commits that wrote the level of the lamp: 1, 2. */
let revisions: number[] = []

const qcore = (...argv: string[]): Promise<Outcome> =>
  terminal(argv, { env: { Q_URL: system.url, Q_TOKEN: system.token } })

async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await qcore(...argv)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

beforeAll(async () => {
  system = await startSystem()
  await using q = await connect({ url: system.url, token: system.token })
  await q.setSchema({ type: 'Device', fields: { Level: 'Int', Owner: 'EntityReference' } })
  const root = await q.root()
  await q.create('Device', { parent: root, name: 'Ann', id: 'ann' })
  await q.create('Device', { parent: root, name: 'Lamp', id: 'lamp', fields: { Owner: 'ann' } })
  revisions = []
  for (const level of [1n, 2n]) revisions.push((await q.write('lamp', 'Level', level)).revision)
  await q.delete('ann')
}, 30_000)

afterAll(() => system[Symbol.asyncDispose]())

it('get shows an entity, and fields, as of a revision or a time', async () => {
  const [first = 0] = revisions
  expect(await ok('get', '/Lamp', 'Level', '--at', `${first}`)).toBe('1\n')
  expect(await ok('get', '/Ann', 'Name', '--at', `${first}`)).toBe('Ann\n')
  expect(await ok('get', 'lamp', 'Owner->Name', '--at', `${first}`)).toBe('Ann\n')
  expect(await ok('get', 'lamp', '--at', `${first}`)).toMatch(/Level {2,}Int {2,}1 /)
  const { time } = JSON.parse(await ok('--json', 'history', 'lamp', '--from', `${first}`, '--to', `${first}`)) as {
    time: string
  }
  expect(await ok('get', 'lamp', 'Level', '--at', time)).toBe('1\n')
  expect((await qcore('get', 'lamp', '--at', 'yesterday')).code).toBe(exitCodes.usage)
  const { code, err } = await qcore('get', 'lamp', '--at', '9000')
  expect({ code, err }).toEqual({ code: exitCodes.refused, err: expect.stringContaining('future_revision') })
})

it('history shows who did what to an entity', async () => {
  const lines = (await ok('history', '/Lamp')).trim().split('\n')
  expect(lines.map((line) => line.split('  ').slice(1).join('  '))).toEqual([
    expect.stringMatching(/^\d+ {2}ada {2}Owner {2}ann → $/),
    `${revisions[1]}  ada  Level  1 → 2`,
    `${revisions[0]}  ada  Level  0 → 1`,
    expect.stringMatching(/^\d+ {2}ada {2}created Lamp {2}\(Device lamp\) {2}Level=0 {2}Owner=ann$/),
  ])
  const oldest = await ok('history', 'lamp', '--field', 'Level', '--oldest', '--limit', '2')
  expect(oldest.trim().split('\n')[1]).toContain('Level  0 → 1')
  expect(await ok('history', 'ann')).toContain('deleted Ann')
  expect((await qcore('history', 'nobody')).code).toBe(exitCodes.notFound)
  expect((await qcore('history', 'lamp', '--limit', '0')).code).toBe(exitCodes.usage)
})

it('log shows the commits of the store', async () => {
  const [first = 0, second = 0] = revisions
  expect(await ok('log', '--from', `${first}`, '--to', `${second}`)).toMatch(
    /^\S+ {2}\d+ {2}ada\n {2}lamp {2}Level {2}1 → 2\n\S+ {2}\d+ {2}ada\n {2}lamp {2}Level {2}0 → 1\n$/,
  )
  const commit = JSON.parse(await ok('--json', 'log', '--from', `${second}`, '--to', `${second}`)) as unknown
  expect(commit).toMatchObject({ revision: second, writer: 'ada', changes: [{ kind: 'write', entityId: 'lamp' }] })
})
