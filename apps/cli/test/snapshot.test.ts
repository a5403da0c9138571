import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome, type TerminalOptions } from './_terminal.ts'

let system: TestSystem
let folder = ''

beforeAll(async () => {
  system = await startSystem()
  folder = await mkdtemp(path.join(tmpdir(), 'qcore-cli-'))
  await vi.waitFor(() => ok('create', 'Folder', '/', 'Attic ü', '--id', 'attic'), { timeout: 10_000 })
}, 30_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await system[Symbol.asyncDispose]()
})

const qcore = (argv: readonly string[], options: TerminalOptions = {}): Promise<Outcome> =>
  terminal(argv, { env: { Q_URL: system.url, Q_TOKEN: system.token }, folder, ...options })

/** The output of a command that has to work, without the last line end. */
async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await qcore(argv)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.trimEnd()
}

describe('snapshot save', () => {
  it('writes the store to a file', async () => {
    expect(await ok('snapshot', 'save', 'store.jsonl')).toMatch(/^\d+ bytes$/)
    const lines = (await readFile(path.join(folder, 'store.jsonl'), 'utf8')).trimEnd().split('\n')
    const [header, ...rest] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(header).toMatchObject({ header: { formatVersion: 1, store: system.store } })
    expect(rest).toContainEqual(expect.objectContaining({ entity: expect.objectContaining({ name: 'Attic ü' }) }))
    expect(rest.at(-1)).toMatchObject({ end: { entities: '2' } })
    expect(await ok('snapshot', 'save', '-')).toContain('Attic ü')
  })

  it('leaves no file behind that is not whole', async () => {
    const { code, err } = await qcore(['snapshot', 'save', 'nowhere/store.jsonl'])
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('cannot write') })
    const denied = await qcore(['--token', 'wrong', 'snapshot', 'save', 'denied.jsonl'])
    expect(denied.code).toBe(5)
    expect((await readdir(folder)).filter((name) => name.startsWith('denied'))).toEqual([])
  })
})

describe('snapshot restore', () => {
  it('shows what would change, asks, and does it', async () => {
    await ok('snapshot', 'save', 'before.jsonl')
    await ok('set', 'attic', 'Description', 'changed')
    await ok('create', 'Folder', '/', 'New', '--id', 'new')
    const plan = await ok('snapshot', 'restore', 'before.jsonl', '--dry-run')
    expect(plan).toContain('entities  0 created, 1 deleted, 0 changed')
    expect(plan).toContain('- New  (Folder new)')
    expect(plan).toMatch(/~ attic\.Description {2}changed \(ada .*\) → {2}\(ada .*\)/)
    const refused = await qcore(['snapshot', 'restore', 'before.jsonl'])
    expect(refused).toMatchObject({ code: 6, err: expect.stringContaining('the store was not changed') })
    expect(await ok('get', 'attic', 'Description')).toContain('changed')
    const questions: string[] = []
    const confirm = (question: string): boolean => questions.push(question) > 0
    const { code, out } = await qcore(['snapshot', 'restore', 'before.jsonl'], { confirm })
    expect({ code, questions }).toEqual({ code: 0, questions: ['Make these changes?'] })
    expect(out).toMatch(/revision \d+\n$/)
    expect(await ok('get', 'attic', 'Description')).not.toContain('changed')
  })

  it('reads the standard input, and a part of the file', async () => {
    const input = await ok('snapshot', 'save', '-')
    await ok('delete', 'attic')
    await ok('create', 'Folder', '/', 'Kept', '--id', 'kept')
    const { code, out } = await qcore(['--json', 'snapshot', 'restore', '-', '--under', '/Attic ü', '--yes'], {
      input: `${input}\n`,
    })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ underId: 'attic', entities: { created: 1, deleted: 0, changed: 0 } })
    expect(await ok('tree')).toContain('Kept')
    expect(await ok('tree')).toContain('Attic ü')
  })

  it('ends with an error for a file that is none, or is not there', async () => {
    expect((await qcore(['snapshot', 'restore', '-', '--yes'], { input: 'no' })).code).toBe(2)
    expect((await qcore(['snapshot', 'restore', 'nowhere.jsonl', '--yes'])).code).toBe(2)
  })
})
