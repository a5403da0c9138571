import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'

// What the pages tell people to type, typed.

const root = path.join(import.meta.dirname, '../../..')
const cli = path.join(import.meta.dirname, '../src/main.ts')

/** What cannot be run here: it starts something, runs until Ctrl-C, or needs a program that may not be there. */
const notHere = /npm (ci|start|test|run example)|docker|\.env|^T=|^post\(\)|\bwatch\b|^nats |grpcurl/

const setUp = `
set -euo pipefail
qcore() { "$NODE" "$CLI" "$@"; }
curl() { command curl --silent --show-error --fail-with-body "$@"; }
post() { curl "$Q_URL/qcore.store.v1.$1" -H "Authorization: Bearer $T" -H 'Content-Type: application/json' -d "$2"; echo; }
`

async function codeOf(page: string, language: string): Promise<string> {
  const text = await readFile(path.join(root, page), 'utf8')
  return Array.from(
    text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms')),
    ([, code = '']) => code,
  ).join('')
}

async function shellOf(page: string): Promise<string> {
  const shell = await codeOf(page, 'sh')
  const lines = shell.split('\n').filter((line) => !notHere.test(line))
  return lines.join('\n').replaceAll('npm run -s qcore --', 'qcore').replaceAll('http://127.0.0.1:20000', '$Q_URL')
}

async function runShell(script: string, system: TestSystem, folder: string): Promise<{ code: unknown; out: string }> {
  const { url, token, masterToken } = system
  const { PATH = '' } = process.env
  const known = { PATH, NODE: process.execPath, CLI: cli }
  const env = { ...known, Q_URL: url, Q_TOKEN: token, T: token, Q_MASTER_TOKEN: masterToken }
  const shell = spawn('bash', ['-c', setUp + script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (text: Buffer) => (out += text.toString()))
  const [code] = (await once(shell, 'close')) as [number | null]
  return { code, out }
}

describe('the commands of a page work as they are written', () => {
  it.each([
    ['README.md', '', /Lamp  \(Device lamp\)/],
    ['docs/history.md', 'README.md', /Status  OFF → ON/],
    ['docs/structure.md', 'README.md', /revision \d+/],
    ['docs/snapshots.md', 'README.md', /fields +0 created/],
    ['docs/query.md', 'README.md', /"entities":\[\{/],
    ['docs/protocol.md', 'README.md', /"type":"Root"/],
    ['docs/schemas.md', '', /type Device got Height, Mode, lost Level, Label/],
    ['docs/schedules.md', '', /cleanup +active +\*\/5 \* \* \* \*/],
    ['docs/events.md', '', /order\.placed  \{"number": 7\}/],
    ['docs/tokens.md', '', /1 revoked[\s\S]*token\.revoke[\s\S]*"kty"/],
    ['docs/qhronos.md', '', /"name":"Daily Backup"/],
    ['docs/permissions.md', '', /Phone +String +123/],
    ['docs/transformations.md', '', /revision \d+/],
  ])(
    '%s',
    async (page, before, expected) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'qcore-docs-'))
      await using system = await startSystem()
      await vi.waitFor(async () => expect((await fetch(`${system.url}/readyz`)).status).toBe(200), { timeout: 20_000 })
      try {
        if (page === 'docs/permissions.md')
          await writeFile(path.join(folder, 'person.json'), await codeOf(page, 'json'))
        const given = before === '' ? '' : await shellOf(before)
        const { code, out } = await runShell(given + (await shellOf(page)), system, folder)
        expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(expected) as unknown })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    90_000,
  )
})
