import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome, type TerminalOptions } from './_terminal.ts'

vi.setConfig({ testTimeout: 30_000 })

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
