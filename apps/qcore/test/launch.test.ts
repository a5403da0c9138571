import { randomBytes } from 'node:crypto'
import { connect } from '@qcore/client'
import { freePort } from '@qcore/local-stack'
import { openNats } from '@qcore/service'
import { headers } from '@nats-io/transport-node'
import { describe, expect, inject, it, vi } from 'vitest'
import { describeSettings, launch } from '../src/index.ts'

const secret = randomBytes(32).toString('hex')

async function environment(overrides: Record<string, string> = {}): Promise<Record<string, string>> {
  return {
    Q_STORE: `test_${randomBytes(6).toString('hex')}`,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_WEB_ADDR: `127.0.0.1:${await freePort()}`,
    Q_HEALTH_ADDR: `127.0.0.1:${await freePort()}`,
    Q_AUTH_SECRET: secret,
    Q_MASTER_TOKEN: randomBytes(32).toString('hex'),
    Q_LOG_LEVEL: 'silent',
    ...overrides,
  }
}

async function mint(env: Record<string, string>): Promise<string> {
  const response = await fetch(`http://${env['Q_WEB_ADDR']}/qcore.auth.v1.TokenService/MintToken`, {
    method: 'POST',
    headers: { authorization: `Bearer ${env['Q_MASTER_TOKEN']}`, 'content-type': 'application/json' },
    body: JSON.stringify({ subject: 'test', level: 'ACCESS_LEVEL_ADMIN' }),
  })
  return ((await response.json()) as { token: string }).token
}

describe('all services in one process', () => {
  it('serve a client over NATS, over HTTP, and a plain NATS request with a JSON body', async () => {
    const env = await environment()
    await using _running = await launch(env)
    const token = await mint(env)
    await using overNats = await connect({ servers: env['Q_NATS_ADDR'] ?? '', store: env['Q_STORE'] ?? '', token })
    await using overHttp = await connect({ url: `http://${env['Q_WEB_ADDR']}`, token })

    await overNats.setSchema({ type: 'Lamp', fields: { Level: 'Int' } })
    const lamp = await overNats.create('Lamp', { parent: await overNats.root(), name: 'Lamp' })
    const seen = Promise.withResolvers<unknown>()
    await overHttp.notify({ entity: lamp, fields: ['Level'] }, ({ current, previous }) => {
      seen.resolve([previous?.value, current.value])
    })
    const { revision } = await overNats.write(lamp, 'Level', 9_007_199_254_740_993n)
    expect(await seen.promise).toEqual([0n, 9_007_199_254_740_993n])
    expect((await overHttp.read(lamp, 'Level', { consistency: { atLeast: revision } })).value).toBe(
      9_007_199_254_740_993n,
    )

    const connection = await openNats(env['Q_NATS_ADDR'] ?? '', { name: 'plain' })
    const header = headers()
    header.set('Authorization', `Bearer ${token}`)
    const body = JSON.stringify({ reads: [{ entityId: lamp.id, path: 'Level' }] })
    const reply = await connection.request(`q.${env['Q_STORE']}.v1.read.ReadFields`, body, {
      headers: header,
      timeout: 5_000,
    })
    expect(reply.json()).toMatchObject({ results: [{ field: { value: { int: '9007199254740993' } } }] })
    await connection.close()
  })

  it('are ready when everything they need is there', async () => {
    const env = await environment()
    await using _running = await launch(env)
    for (const address of [env['Q_HEALTH_ADDR'], env['Q_WEB_ADDR']]) {
      expect((await fetch(`http://${address}/livez`)).status).toBe(200)
      expect((await fetch(`http://${address}/metrics`)).status).toBe(200)
      // A writer takes its lease a moment after it has started.
      await vi.waitFor(async () => expect((await fetch(`http://${address}/readyz`)).status).toBe(200), {
        timeout: 10_000,
      })
    }
  })
})

describe('launch', () => {
  it('starts nothing when the settings of one service are wrong', async () => {
    const env = await environment({ Q_AUTH_SECRET: 'short' })
    await expect(launch(env)).rejects.toMatchObject({ code: 'configuration', field: 'Q_AUTH_SECRET' })
    await expect(fetch(`http://${env['Q_WEB_ADDR']}/livez`)).rejects.toThrow()
  })

  it('names the setting that a deployment must make', async () => {
    const { Q_MASTER_TOKEN: _, ...env } = await environment({ Q_MODES: 'auth' })
    await expect(launch(env)).rejects.toMatchObject({
      code: 'configuration',
      field: 'Q_MASTER_TOKEN',
      message: expect.stringContaining('Q_MASTER_TOKEN is not set'),
    })
  })

  it('leaves nothing running when one service cannot start', async () => {
    const first = await environment({ Q_MODES: 'auth,gateway' })
    await using _running = await launch(first)
    const second = await environment({ Q_MODES: 'auth,gateway', Q_WEB_ADDR: first['Q_WEB_ADDR'] ?? '' })
    await expect(launch(second)).rejects.toMatchObject({ code: 'configuration', field: 'Q_WEB_ADDR' })
    await expect(fetch(`http://${second['Q_HEALTH_ADDR']}/livez`)).rejects.toThrow()
  })
})

describe('describeSettings', () => {
  it('shows the settings of the chosen modes without secrets', async () => {
    const printed = describeSettings(await environment({ Q_MODES: 'writer' }))
    expect(printed).toContain('Q_WRITER_')
    expect(printed).not.toContain('Q_WEB_ADDR')
    expect(printed).not.toContain(secret)
  })
})
