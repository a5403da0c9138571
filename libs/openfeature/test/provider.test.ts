import { randomBytes } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { OpenFeature, ProviderEvents, type Client as FlagClient } from '@openfeature/server-sdk'
import { connect, type Client } from '@qcore/client'
import { launch } from '@qcore/launcher'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { QcoreProvider } from '../src/index.ts'

let q: Client
let flags: FlagClient
const opened = new AsyncDisposableStack()

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

beforeAll(async () => {
  const store = `test_${randomBytes(6).toString('hex')}`
  const masterToken = randomBytes(24).toString('hex')
  opened.use(
    await launch({
      Q_STORE: store,
      Q_POSTGRES_ADDR: inject('postgresUrl'),
      Q_NATS_ADDR: inject('natsUrl'),
      Q_AUTH_SECRET: randomBytes(24).toString('hex'),
      Q_MASTER_TOKEN: masterToken,
      Q_WEB_ADDR: `127.0.0.1:${await freePort()}`,
      Q_LOG_LEVEL: 'silent',
      Q_MODES: 'auth,writer,notifier',
    }),
  )
  const servers = inject('natsUrl')
  const admin = opened.use(await connect({ servers, store, token: masterToken }))
  const mint = async (level: 'read' | 'write', scope: string): Promise<string> =>
    (await admin.token.mint({ subject: 'tester', level, scopes: [scope] })).token
  q = opened.use(await connect({ servers, store, token: await mint('write', 'config:flag:') }))
  await q.config.set('flag:new_ui', true)
  const reader = opened.use(await connect({ servers, store, token: await mint('read', 'config.read:flag:') }))
  await OpenFeature.setProviderAndWait(new QcoreProvider(reader))
  opened.defer(() => OpenFeature.close())
  flags = OpenFeature.getClient()
}, 60_000)

afterAll(() => opened.disposeAsync())

async function eventually(assertion: () => Promise<void>): Promise<void> {
  await vi.waitFor(assertion, { timeout: 10_000, interval: 10 })
}

describe('a flag', () => {
  it('has its value, and a new one as soon as it is changed', async () => {
    expect(await flags.getBooleanValue('new_ui', false)).toBe(true)
    const changed: unknown[] = []
    flags.addHandler(ProviderEvents.ConfigurationChanged, (event) => void changed.push(...(event?.flagsChanged ?? [])))
    await q.config.set('flag:new_ui', false)
    await eventually(async () => expect(await flags.getBooleanValue('new_ui', true)).toBe(false))
    expect(changed).toContain('new_ui')
    await q.config.delete('flag:new_ui')
    await eventually(async () => expect(await flags.getBooleanValue('new_ui', true)).toBe(true))
  })

  it('is evaluated by rules and percentage, with variant and reason', async () => {
    const { revision } = await q.config.set('flag:colour', {
      variants: { red: '#f00', blue: '#00f' },
      default: { red: 50, blue: 50 },
      rules: [{ if: [{ attribute: 'plan', equals: 'pro' }], variant: 'blue' }],
    })
    await eventually(async () =>
      expect(await flags.getStringDetails('colour', '', { targetingKey: 'ada', plan: 'pro' })).toMatchObject({
        value: '#00f',
        variant: 'blue',
        reason: 'TARGETING_MATCH',
        flagMetadata: { configRevision: revision },
      }),
    )
    expect(await flags.getStringDetails('colour', '', { targetingKey: 'ada' })).toMatchObject({
      value: '#f00',
      reason: 'SPLIT',
    })
    expect(await flags.getStringDetails('colour', 'none')).toMatchObject({
      value: 'none',
      errorCode: 'TARGETING_KEY_MISSING',
    })
  })

  it('of every type is read', async () => {
    await q.config.set('flag:limit', 5)
    await q.config.set('flag:theme', { dark: true })
    await eventually(async () => expect(await flags.getObjectValue('theme', {})).toEqual({ dark: true }))
    expect(await flags.getNumberValue('limit', 1)).toBe(5)
    expect(await flags.getStringDetails('limit', 'x')).toMatchObject({ value: 'x', errorCode: 'TYPE_MISMATCH' })
  })

  it('that is not there, or written wrongly, is the default', async () => {
    expect(await flags.getBooleanDetails('nowhere', true)).toMatchObject({ value: true, errorCode: 'FLAG_NOT_FOUND' })
    await q.config.set('flag:wrong', { variants: { on: true }, default: 'off' })
    await eventually(async () =>
      expect(await flags.getBooleanDetails('wrong', false)).toMatchObject({ value: false, errorCode: 'PARSE_ERROR' }),
    )
  })
})

it('without the right to read flags the provider is in error', async () => {
  const provider = new QcoreProvider(q)
  await provider.initialize()
  await provider.onClose()
  const denied = { config: { map: () => Promise.reject(new Error('denied')) } } as unknown as Client
  await expect(new QcoreProvider(denied).initialize()).rejects.toThrow('denied')
  expect(await new QcoreProvider(q).resolveBooleanEvaluation('new_ui', true, {})).toMatchObject({
    value: true,
    errorCode: 'PROVIDER_NOT_READY',
  })
})
