import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { entry, recordingOf } from '../src/checks/_history.ts'
import { writeRecording } from '../src/history/recording-files.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'qcore-recording-'))
})
afterEach(() => rm(folder, { recursive: true }))

function run(...args: string[]): Promise<{ code: unknown; output: string; complaint: string }> {
  const main = path.join(import.meta.dirname, '../src/main.ts')
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, output, complaint) =>
      resolve({ code: error?.code ?? 0, output, complaint }),
    )
  })
}

it('says how it is called', async () => {
  for (const args of [[], ['nonsense'], ['check'], ['kill-leader', '--seed', 'x']]) {
    const { code, complaint } = await run(...args)
    expect(code).toBe(2)
    expect(complaint).toContain('npm run faults -- NAME')
    expect(complaint).toContain('kill-leader')
  }
})

it('checks a recording again', async () => {
  await writeRecording(folder, recordingOf([entry(1, {}), entry(3, {})]))
  const { code, output } = await run('check', folder)
  expect(code).toBe(1)
  expect(output).toContain('revisions: 1\n  revision 3 where 2 was due\n')
  expect(output).toContain('epochs: 0\n')
})
