import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { openHealthServer, reportReadiness } from './health-server.ts'
import { counter } from './metrics.ts'
import type { Service } from './service.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

function serviceWith(checkHealth: Service['checkHealth']): Service {
  return { name: 'writer', checkHealth, async [Symbol.asyncDispose]() {} }
}

describe('the health server', () => {
  it('is ready when every check is, and tells which is not', async () => {
    let ok = true
    const service = serviceWith(async () => [{ name: 'postgres', ok, detail: 'detail' }])
    const port = await freePort()
    await using _server = await openHealthServer({ host: '127.0.0.1', port }, () => [service])
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`)
    expect(ready.status).toBe(200)
    ok = false
    const unready = await fetch(`http://127.0.0.1:${port}/readyz`)
    expect(unready.status).toBe(503)
    expect(await unready.json()).toEqual({
      ready: false,
      checks: [{ name: 'writer/postgres', ok: false, detail: 'detail' }],
    })
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200)
    expect((await fetch(`http://127.0.0.1:${port}/other`)).status).toBe(404)
  })

  it('serves the metrics of the process', async () => {
    counter('qcore_health_server_test_total', 'A counter of this test.').inc(7)
    const port = await freePort()
    await using _server = await openHealthServer({ host: '127.0.0.1', port }, () => [])
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(text).toContain('qcore_health_server_test_total 7')
    expect(text).toContain('process_cpu_seconds_total')
  })

  it('names the variable when the port is in use', async () => {
    const port = await freePort()
    await using _first = await openHealthServer({ host: '127.0.0.1', port }, () => [])
    await expect(openHealthServer({ host: '127.0.0.1', port }, () => [])).rejects.toThrowError(
      expect.objectContaining({ code: 'configuration', field: 'Q_HEALTH_ADDR' }),
    )
  })
})

describe('reportReadiness', () => {
  it('counts a check that hangs or fails as not ok, in bounded time', async () => {
    const hanging = serviceWith(() => new Promise(() => {}))
    const failing = serviceWith(() => Promise.reject(new Error('cut')))
    const { ready, checks } = await reportReadiness([hanging, failing])
    expect(ready).toBe(false)
    expect(checks.map(({ detail }) => detail)).toEqual(['no answer in time', 'Error: cut'])
  })

  it('lets a service name the dependency that is silent', async () => {
    const service = serviceWith(async (signal) => {
      await once(signal, 'abort')
      return [
        { name: 'postgres', ok: false, detail: 'silent' },
        { name: 'lease', ok: true, detail: 'standby' },
      ]
    })
    const { checks } = await reportReadiness([service])
    expect(checks.map(({ name, detail }) => [name, detail])).toEqual([
      ['writer/postgres', 'silent'],
      ['writer/lease', 'standby'],
    ])
  })
})
