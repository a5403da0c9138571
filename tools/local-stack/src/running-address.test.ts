import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readRunningAddress } from './running-address.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'qcore-address-'))

afterAll(() => rmSync(folder, { recursive: true }))

it('is undefined where nothing runs', () => {
  expect(readRunningAddress(folder, {})).toBeUndefined()
  expect(readRunningAddress(folder, { Q_NATS_ADDR: 'nats://a' })).toBeUndefined()
})

it('is what npm start left, unless the environment says otherwise', () => {
  mkdirSync(path.join(folder, '.qcore'))
  const saved = { url: 'http://a', natsUrl: 'nats://t@127.0.0.1:1', token: 'x' }
  writeFileSync(path.join(folder, '.qcore/client.json'), JSON.stringify(saved))
  expect(readRunningAddress(folder, {})).toEqual({
    servers: saved.natsUrl,
    token: 'x',
    store: 'main',
    url: 'http://a',
  })
  expect(readRunningAddress('/', { Q_DATA_DIR: path.join(folder, '.qcore') })).toMatchObject({ token: 'x' })
  expect(readRunningAddress(folder, { Q_DATA_DIR: 'other' })).toBeUndefined()
  const env = { Q_NATS_ADDR: 'nats://b', Q_TOKEN: 'y', Q_STORE: 'other' }
  expect(readRunningAddress(folder, env)).toEqual({ servers: 'nats://b', token: 'y', store: 'other' })
  expect(readRunningAddress(folder, { ...env, Q_URL: 'http://c' })).toMatchObject({ url: 'http://c' })
})
