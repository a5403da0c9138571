import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connect, type Client } from '@qcore/client'
import {
  bool,
  choice,
  defineType,
  file,
  float,
  int,
  list,
  reference,
  text,
  timestamp,
  Timestamp,
  transformation,
} from '@qcore/client/schema'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importTypes } from '../src/schema-module.ts'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal } from './_terminal.ts'

/** Below the repository, so that what is written can import the client. */
const scratch = path.join(import.meta.dirname, '../../../.qcore')

const Device = defineType(
  'Device',
  {
    Status: choice('OFF', "it's"),
    Mode: choice(['auto', 'manual'], { default: 'manual', description: 'a "mode" \\ $\u2028' }),
    Level: int({ default: -(2n ** 63n) }),
    Weight: float({ default: Number.NEGATIVE_INFINITY }),
    Zero: float({ default: -0 }),
    Label: text({ default: 'it\'s\n"new"', unindexed: true }),
    Done: bool({ default: true }),
    Picture: file({ default: { mediaType: 'image/png', content: new Uint8Array([0, 255]) } }),
    Owner: reference(),
    SeenAt: timestamp({ default: Timestamp.parse('2026-01-02T03:04:05.000006Z') }),
    Parts: list(),
    Formula: transformation({ default: '1 + 1' }),
  },
  { description: 'something', uniqueChildNames: true, childOrder: 'explicit' },
)
/** Everything as the store would choose it. */
const Plain = defineType('class', {
  Status: choice('OFF', 'ON'),
  Level: int(),
  Weight: float(),
  Label: text(),
  Done: bool(),
  Picture: file(),
  Owner: reference(),
  SeenAt: timestamp(),
  Parts: list(),
  Formula: transformation(),
})
const Ranked = defineType('Ranked', { Second: int({ rank: 7 }), First: int({ rank: 3 }) })

let system: TestSystem
let folder = ''
let q: Client

beforeAll(async () => {
  await mkdir(scratch, { recursive: true })
  folder = await mkdtemp(path.join(scratch, 'schema-module-'))
  system = await startSystem()
  q = await connect({ url: system.url, token: system.token })
  for (const type of [Device, Plain, Ranked, defineType('int', { A: int() })]) await q.setSchema(type)
}, 30_000)

afterAll(async () => {
  await q.close()
  await system[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const qcore = (...argv: string[]) =>
  terminal(['schema', ...argv], { folder, env: { Q_URL: system.url, Q_TOKEN: system.token } })

describe('qcore schema pull', () => {
  it('writes a module that defines what the store has', async () => {
    await expect(qcore('pull', '--out', 'all.ts')).resolves.toEqual({ code: 0, out: '', err: '' })
    const types = await importTypes(path.join(folder, 'all.ts'))
    expect(types.map(({ type }) => type)).toEqual(await q.types())
    for (const each of [Device, Plain]) {
      expect(types.find(({ type }) => type === each.type)).toEqual(each)
    }
    expect(types.find(({ type }) => type === 'Ranked')?.fields).toEqual({
      First: Ranked.fields.First,
      Second: Ranked.fields.Second,
    })
  })

  it('writes the same text each time, and names constants so that it can be loaded', async () => {
    const [one, two] = [await qcore('pull', 'Ranked', 'int', 'class'), await qcore('pull', 'class', 'Ranked', 'int')]
    expect(one).toEqual(two)
    expect(one.out).toBe(
      [
        '// Written by `qcore schema pull`: what the store has.',
        "import { bool, choice, defineType, file, float, int, list, reference, text, timestamp, transformation } from '@qcore/client/schema'",
        '',
        "export const Ranked = defineType('Ranked', {",
        '  First: int({ rank: 3 }),',
        '  Second: int({ rank: 7 }),',
        '})',
        '',
        "export const class_ = defineType('class', {",
        "  Status: choice('OFF', 'ON'),",
        '  Level: int(),',
        '  Weight: float(),',
        '  Label: text(),',
        '  Done: bool(),',
        '  Picture: file(),',
        '  Owner: reference(),',
        '  SeenAt: timestamp(),',
        '  Parts: list(),',
        '  Formula: transformation(),',
        '})',
        '',
        "export const int_ = defineType('int', {",
        '  A: int(),',
        '})',
        '',
      ].join('\n'),
    )
  })

  it('keeps what the module says of references', async () => {
    const module = `import { defineType, list, reference } from '@qcore/client/schema'
      export const Any = defineType('class', { Owner: reference('Ranked'), Parts: list({ to: 'class', unindexed: true }), Level: reference('x') })`
    await writeFile(path.join(folder, 'linked.ts'), module)
    await qcore('pull', 'class', '--out', 'linked.ts')
    const [type] = await importTypes(path.join(folder, 'linked.ts'))
    expect(type?.fields['Owner']).toEqual({ type: 'EntityReference', to: 'Ranked' })
    expect(type?.fields['Parts']).toEqual({ type: 'EntityList', to: 'class' })
    expect(type?.fields['Level']).toEqual({ type: 'Int' })
  })

  it('checks whether a module says what the store has, however it is written', async () => {
    await qcore('pull', '--out', 'checked.ts')
    const file = path.join(folder, 'checked.ts')
    const text = await readFile(file, 'utf8')
    const check = () => qcore('pull', '--out', 'checked.ts', '--check')
    await expect(check()).resolves.toMatchObject({ code: 0 })
    await writeFile(
      file,
      text
        .replaceAll('\n', '\n\n')
        .replace("choice('OFF', 'ON')", "choice(['OFF', 'ON'], { default: 'OFF', rank: 0 })"),
    )
    await expect(check()).resolves.toMatchObject({ code: 0 })
    for (const wrong of [
      text.replace('First: int', 'First: float'),
      text.replace('rank: 3', 'rank: 4'),
      text.replace("'manual'", "'else'"),
      text.replace("description: 'something'", "description: ''"),
      text.replace("childOrder: 'explicit'", "childOrder: 'name'"),
      text.replace('uniqueChildNames: true', 'uniqueChildNames: false'),
      text.replace('  Level: int(),\n', ''),
      text.replace('export const Ranked', 'const Ranked'),
      `${text}\nexport const More = defineType('More', {})\n`,
    ]) {
      expect(wrong).not.toBe(text)
      await writeFile(file, wrong)
      await expect(check()).resolves.toMatchObject({ code: 6, err: expect.stringContaining('schema_mismatch') })
      await expect(readFile(file, 'utf8')).resolves.toBe(wrong)
    }
    await writeFile(file, `${text}\nexport const More = defineType('More', {})\n`)
    await expect(qcore('pull', 'Ranked', '--out', 'checked.ts', '--check')).resolves.toMatchObject({ code: 0 })
    await expect(qcore('pull', '--out', 'missing.ts', '--check')).resolves.toMatchObject({ code: 6 })
  })

  it('says what is wrong', async () => {
    await expect(qcore('pull', '--check')).resolves.toMatchObject({ code: 2 })
    await expect(qcore('pull', 'Nothing')).resolves.toMatchObject({ code: 3 })
    await writeFile(path.join(folder, 'broken.ts'), 'export const x = ')
    const broken = await qcore('pull', '--out', 'broken.ts')
    expect(broken).toMatchObject({
      code: 2,
      err: expect.stringMatching(/invalid_schema: .*broken\.ts cannot be loaded/),
    })
    await expect(readFile(path.join(folder, 'broken.ts'), 'utf8')).resolves.toBe('export const x = ')
  })
})

describe('qcore schema push', () => {
  const head = "import { defineType, int, text } from '@qcore/client/schema'\n"

  it('sets all types of a module in one commit', async () => {
    const file = path.join(folder, 'push.ts')
    await writeFile(
      file,
      `${head}export const A = defineType('PushedA', { X: int({ default: 5 }) })
       export const B = defineType('PushedB', { Y: text() })
       export const other = { type: 'PushedA', fields: 'none' }
       export const another = 5`,
    )
    const { code, out } = await qcore('push', 'push.ts')
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^revision \d+: PushedA, PushedB\n$/) })
    await expect(q.schema('PushedA')).resolves.toMatchObject({ fields: { X: { type: 'Int', default: 5n } } })
    const [a, b] = await Promise.all([q.schema('PushedA'), q.schema('PushedB')])
    expect(a.revision).toBe(b.revision)
    await expect(qcore('push', 'push.ts')).resolves.toMatchObject({ code: 0, out: 'nothing to change\n' })
  })

  it('changes nothing if one type is refused', async () => {
    await writeFile(
      path.join(folder, 'refused.ts'),
      `${head}export const A = defineType('NeverA', { X: int() })
       export const B = defineType('Never B', { Y: text() })`,
    )
    await expect(qcore('push', 'refused.ts')).resolves.toMatchObject({ code: 2 })
    await expect(q.exists({ type: 'NeverA' })).resolves.toBe(false)
  })

  it('says what is wrong with a module', async () => {
    await writeFile(path.join(folder, 'empty.ts'), 'export const x = 5')
    await expect(qcore('push', 'empty.ts')).resolves.toMatchObject({ code: 2, err: expect.stringMatching(/no type/) })
    await expect(qcore('push', 'nowhere.ts')).resolves.toMatchObject({ code: 2 })
    const twice =
      "export const A = defineType('Twice', { X: int() })\nexport const B = defineType('Twice', { X: text() })"
    await writeFile(path.join(folder, 'twice.ts'), head + twice)
    await expect(qcore('push', 'twice.ts')).resolves.toMatchObject({
      code: 2,
      err: expect.stringMatching(/Twice twice/),
    })
  })
})
