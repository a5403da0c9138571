import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { inAnHour, startQhronos, type Qhronos } from './_qhronos.ts'

interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const received: Received[] = []
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method = '', url: path = '', headers } = request
    received.push({ method, path, headers, body: Buffer.concat(chunks).toString('utf8') })
    response.writeHead(path.startsWith('/failing') ? 500 : 200).end('answered')
  })
})

let q: Qhronos
let hooks: string

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  hooks = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const modes = ['auth', 'writer', 'reader', 'scheduler', 'gateway']
  q = await startQhronos(modes, { Q_EGRESS_ALLOW: '127.0.0.1' })
  await vi.waitFor(async () => expect(await create({ schedule: '0 0 * * *' })).toMatchObject({ status: 201 }), 20_000)
})

afterAll(async () => {
  await q[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
})

const create = (more: object) => q.call('POST', '/events', { body: { name: 'Due', ...more } })
const requestsTo = (path: string) => received.filter((request) => request.path === path)

async function arrived(path: string): Promise<Received> {
  await vi.waitFor(() => expect(requestsTo(path)).not.toEqual([]), 30_000)
  const [request] = requestsTo(path)
  if (request === undefined) throw new Error('nothing arrived')
  return request
}

/** An event, and its one occurrence, once that is over. */
async function outcomeOf(id: string) {
  return vi.waitFor(
    async () => {
      const { body } = await q.call('GET', `/events/${id}/occurrences`)
      expect(body[0]?.status).toMatch(/completed|failed/)
      return (await q.call('GET', `/occurrences/${body[0].id}`)).body
    },
    { timeout: 50_000, interval: 200 },
  )
}

describe('a webhook that is due', () => {
  it('is posted once, signed with the secret of its event, and the event is over', async () => {
    const start_time = new Date(Date.now() + 2_000).toISOString()
    const { body: event } = await create({
      start_time,
      webhook: `${hooks}/once`,
      hmac_secret: 'custom-secret',
      metadata: { key: 'value' },
      tags: ['test'],
    })
    const { method, headers, body } = await arrived('/once')
    expect([method, headers['content-type']]).toEqual(['POST', 'application/json'])
    const sent = JSON.parse(body) as Record<string, unknown>
    expect(sent).toMatchObject({ event_id: event.id, name: 'Due', metadata: { key: 'value' }, tags: ['test'] })
    expect(Date.parse(String(sent['scheduled_at']))).toBe(Date.parse(start_time))
    const signature = createHmac('sha256', 'custom-secret').update(body).digest('hex')
    expect(headers['x-qhronos-signature']).toBe(signature)
    const occurrence = await outcomeOf(event.id as string)
    expect(occurrence).toMatchObject({
      status: 'completed',
      attempt_count: 1,
      status_code: 200,
      id: sent['occurrence_id'],
    })
    const { attempts, ...listed } = occurrence
    expect(attempts).toHaveLength(1)
    expect((await q.call('GET', `/events/${event.id}/occurrences`)).body).toEqual([listed])
    expect((await q.call('GET', `/events/${event.id}`)).body.status).toBe('inactive')
    expect(requestsTo('/once')).toHaveLength(1)
  })

  it('that was delivered is not posted again when its event is changed', async () => {
    const start_time = new Date(Date.now() + 1_000).toISOString()
    const { body: event } = await create({ start_time, webhook: `${hooks}/changed` })
    await outcomeOf(event.id as string)
    const sameTime = start_time.replace('Z', '+00:00')
    for (const body of [{ name: 'Done' }, { start_time: sameTime }, { status: 'active' }]) {
      expect((await q.call('PUT', `/events/${event.id}`, { body })).body.status).toBe('inactive')
    }
    await create({ start_time: new Date(Date.now() + 1_000).toISOString(), webhook: `${hooks}/afterwards` })
    await arrived('/afterwards')
    expect(requestsTo('/changed')).toHaveLength(1)
  })

  it('is tried three times in all when the receiver fails', async () => {
    const { body: event } = await create({ start_time: inAnHour(), webhook: `${hooks}/failing` })
    await q.call('POST', `/events/${event.id}/run`)
    await vi.waitFor(() => expect(requestsTo('/failing')).toHaveLength(3), 50_000)
    const { body } = await q.call('GET', `/events/${event.id}/occurrences?status=failed`)
    const failed = body[0] ?? (await outcomeOf(event.id as string))
    expect(failed).toMatchObject({ status: 'failed', attempt_count: 3 })
    expect(requestsTo('/failing')).toHaveLength(3)
  })

  it('is not sent when its event was deleted, or paused, before', async () => {
    const start_time = new Date(Date.now() + 3_000).toISOString()
    const deleted = await create({ start_time, webhook: `${hooks}/deleted` })
    const paused = await create({ start_time, webhook: `${hooks}/paused` })
    const last = await create({ start_time, webhook: `${hooks}/last` })
    expect(last.status).toBe(201)
    expect((await q.call('DELETE', `/events/${deleted.body.id}`)).status).toBe(200)
    expect((await q.call('PUT', `/events/${paused.body.id}`, { body: { status: 'paused' } })).status).toBe(200)
    await arrived('/last')
    expect([requestsTo('/deleted'), requestsTo('/paused')]).toEqual([[], []])
  })
})

describe('an API call that is due', () => {
  it('is made as it was given', async () => {
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json' }
    const params = { method: 'PUT', url: `${hooks}/call`, headers, body: { foo: 'bar' } }
    const { body: event } = await create({ start_time: inAnHour(), action: { type: 'apicall', params } })
    await q.call('POST', `/events/${event.id}/run`)
    const request = await arrived('/call')
    expect(request).toMatchObject({ method: 'PUT', headers, body: '{"foo":"bar"}' })
  })
})
