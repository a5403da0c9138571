import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../src/index.ts'
import { makeTemporaryFolder } from './_temporary-folder.ts'

/** Runs `npm start` to its end, with a data folder of its own. */
async function start(env: Record<string, string>): Promise<{ code: unknown; errors: string }> {
  const main = path.join(import.meta.dirname, '../src/main.ts')
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
  return { code, errors }
}

test("the gateway's port in use is one clear line and exit code 1", async () => {
  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const env = { Q_DATA_DIR: await makeTemporaryFolder(), Q_WEB_ADDR: `127.0.0.1:${port}` }
  await expect(start(env)).resolves.toEqual({
    code: 1,
    errors: `qcore: port ${port} of 127.0.0.1, for the gateway (Q_WEB_ADDR), is in use by another program\n`,
  })
})

test('a missing server program is one clear line and exit code 1', async () => {
  const env = { Q_DATA_DIR: await makeTemporaryFolder(), Q_WEB_ADDR: '127.0.0.1:0', PG_BIN: '/nowhere' }
  await expect(start(env)).resolves.toEqual({
    code: 1,
    errors: 'qcore: PG_BIN: /nowhere has no working initdb and postgres of version 15 or newer\n',
  })
})

test('a wrong setting is one clear line and exit code 1', async () => {
  await expect(start({ Q_WEB_ADDR: 'nonsense' })).resolves.toEqual({
    code: 1,
    errors: 'qcore: Q_WEB_ADDR: "nonsense" is not host:port\n',
  })
})

test('damaged secrets are one clear line and exit code 1, not new secrets', async () => {
  const folder = await makeTemporaryFolder()
  writeFileSync(path.join(folder, 'secrets.json'), '{"Q_AUTH_SECRET":')
  const { code, errors } = await start({ Q_DATA_DIR: folder, Q_WEB_ADDR: '127.0.0.1:0' })
  expect({ code, errors }).toEqual({
    code: 1,
    errors: `qcore: ${folder}/secrets.json is damaged; delete it to get new secrets, which end all tokens\n`,
  })
})

test('a data folder that cannot be made is one clear line and exit code 1', async () => {
  const folder = await makeTemporaryFolder()
  mkdirSync(path.join(folder, 'x'))
  writeFileSync(path.join(folder, 'x/file'), '')
  const { code, errors } = await start({ Q_DATA_DIR: path.join(folder, 'x/file/data'), Q_WEB_ADDR: '127.0.0.1:0' })
  expect(code).toBe(1)
  expect(errors).toMatch(/^qcore: cannot make the data folder of system: ENOTDIR.*\n$/)
})
