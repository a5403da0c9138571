import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startStore } from './_store.ts'

const root = path.join(import.meta.dirname, '../../..')

function blocks(page: string, language: string): string[] {
  return Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms')), ([, text = '']) => text)
}

test('the program of docs/query.md prints what the page says', async () => {
  const page = await readFile(path.join(root, 'docs/query.md'), 'utf8')
  const [program = ''] = blocks(page, 'ts')
  const [output = ''] = blocks(page, 'text')
  await using store = await startStore(['auth', 'reader', 'writer', 'notifier', 'gateway'])
  const folder = path.join(root, '.qcore', store.name)
  await mkdir(folder, { recursive: true })
  try {
    const file = path.join(folder, 'query.ts')
    await writeFile(file, program)
    const env = { ...process.env, Q_URL: store.url, Q_TOKEN: await store.mint() }
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 15_000 })
    expect(stdout).toBe(output)
  } finally {
    await rm(folder, { recursive: true })
  }
}, 30_000)
