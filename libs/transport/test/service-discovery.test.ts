import { createClient } from '@connectrpc/connect'
import { ReadService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { failure } from './_calls.ts'
import { freshStore } from './_nats.ts'
import { openServed, type Served } from './_served.ts'

const name = freshStore()
let served: Served

beforeAll(async () => {
  served = await openServed({
    routes: (router) =>
      router.service(ReadService, {
        getStatus: () => ({}),
        getRoot() {
          throw new QError('not_leader', 'not here')
        },
      }),
    serve: { name, version: '1.2.3', instanceId: 'one' },
  })
})

afterAll(async () => served[Symbol.asyncDispose]())

interface Answer {
  type: string
  started: string
  endpoints: { name: string; [key: string]: unknown }[]
}

async function ask(subject: string): Promise<Answer> {
  return (await served.connection.request(subject, '', { timeout: 2_000 })).json()
}

it.each(['', 'name', 'name and instance'])('answers PING, INFO and STATS by %s', async (scope) => {
  const suffix = { '': '', name: `.${name}`, 'name and instance': `.${name}.one` }[scope] ?? ''
  for (const verb of ['PING', 'INFO', 'STATS']) {
    const answers: Answer[] = []
    const all = await served.connection.requestMany(`$SRV.${verb}${suffix}`, '', { maxWait: 300 })
    for await (const answer of all) answers.push(answer.json())
    const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`
    expect(answers).toContainEqual(expect.objectContaining({ type, name, id: 'one', version: '1.2.3', metadata: {} }))
    if (suffix !== '') expect(answers).toHaveLength(1)
  }
})

it('tells the endpoints with their subjects', async () => {
  const info = await ask(`$SRV.INFO.${name}`)
  expect(info.endpoints).toHaveLength(ReadService.methods.length)
  expect(info.endpoints).toContainEqual({
    name: 'GetStatus',
    subject: `q.${served.store}.v1.read.GetStatus`,
    queue_group: 'q',
    metadata: { service: 'qcore.store.v1.ReadService', kind: 'unary' },
  })
})

it('counts requests, errors and times', async () => {
  const client = createClient(ReadService, served.transport)
  await client.getStatus({})
  await client.getStatus({})
  await failure(client.getRoot({}))
  await served.connection.request(`q.${served.store}.v1.read.GetRoot`, 'nonsense')
  const stats = await ask(`$SRV.STATS.${name}.one`)
  expect(Date.parse(stats.started)).toBeLessThanOrEqual(Date.now())
  const status = stats.endpoints.find((endpoint) => endpoint.name === 'GetStatus')
  expect(status).toMatchObject({ num_requests: 2, num_errors: 0, last_error: '' })
  const sum = Number(status?.['processing_time'])
  expect(sum).toBeGreaterThan(0)
  expect(status?.['average_processing_time']).toBe(Math.round(sum / 2))
  const root = stats.endpoints.find((endpoint) => endpoint.name === 'GetRoot')
  expect(root).toMatchObject({ num_requests: 2, num_errors: 2 })
  expect(root?.['last_error']).toContain('qcore.store.v1.GetRootRequest')
})

it('is silent once the server is drained', async () => {
  await served.server.drain()
  await expect(ask(`$SRV.PING.${name}.one`)).rejects.toThrow('no responders')
})
