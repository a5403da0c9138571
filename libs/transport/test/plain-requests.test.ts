import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { GetRootRequestSchema, GetRootResponseSchema, ReadService, WatchService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { callNats, fromConnectError } from '../src/index.ts'
import { readHeaderBlock } from '../src/header-block.ts'
import { WireHeaders } from '../src/wire-headers.ts'
import { failure } from './_calls.ts'
import { openServed, type Served } from './_served.ts'

let served: Served
let connection: NatsConnection
let runs = 0
const gate = Promise.withResolvers<void>()

beforeAll(async () => {
  served = await openServed({
    routes: (router) =>
      router
        .service(ReadService, {
          getRoot({ consistency }, context) {
            runs += 1
            const echoed = context.requestHeader.get('x-echo')
            if (echoed !== null) context.responseHeader.set('x-echo', echoed)
            context.responseTrailer.set('x-after', 'all')
            return { revision: consistency?.demand.case === 'atLeastRevision' ? consistency.demand.value : 7n }
          },
          getStatus: () => ({ store: 'main' }),
          async listTypes() {
            await gate.promise
            return {}
          },
          getSchema() {
            throw new QError('unknown_type', 'no type\nof that name', { field: 'type' })
          },
        })
        .service(WatchService, {
          async *watch() {
            yield { event: { case: 'progress', value: { revision: 3n } } }
          },
        }),
  })
  connection = served.connection
})

afterAll(async () => served[Symbol.asyncDispose]())

function subject(method: string): string {
  return `q.${served.store}.v1.read.${method}`
}

async function request(method: string, body: string | Uint8Array, header: Record<string, string> = {}): Promise<Msg> {
  const sent = headers()
  for (const [name, value] of Object.entries(header)) sent.set(name, value)
  return connection.request(subject(method), body, { timeout: 2_000, headers: sent })
}

it('answers a request without headers, in JSON', async () => {
  const answer = await connection.request(subject('GetStatus'), '{}')
  expect(answer.json()).toEqual({ store: 'main' })
  expect(answer.headers).toBeUndefined()
})

it('takes no body at all as an empty message', async () => {
  expect((await connection.request(subject('GetStatus'))).json()).toEqual({ store: 'main' })
})

it('answers in the encoding of the request, whatever the spelling of its header', async () => {
  const binary = toBinary(GetRootRequestSchema, {
    $typeName: 'qcore.store.v1.GetRootRequest',
    consistency: { $typeName: 'qcore.store.v1.Consistency', demand: { case: 'atLeastRevision', value: 5n } },
  })
  const answer = await request('GetRoot', binary, { 'content-type': 'application/proto' })
  expect(fromBinary(GetRootResponseSchema, answer.data).revision).toBe(5n)
  const json = await request('GetRoot', '{"consistency":{"atLeastRevision":"6"}}', {
    'Content-Type': 'application/json; charset=utf-8',
  })
  expect(json.json()).toEqual({ revision: '6' })
})

it('marks an error as the micro convention says, with the error of Connect as the body', async () => {
  const answer = await connection.request(subject('GetSchema'), '{}')
  expect(answer.headers?.get('Nats-Service-Error-Code')).toBe('404')
  expect(answer.headers?.get('Nats-Service-Error')).toBe('no type of that name')
  expect(answer.headers?.get('Content-Type')).toBe('application/json')
  expect(answer.json()).toMatchObject({
    code: 'not_found',
    message: 'no type\nof that name',
    details: [
      { type: 'google.rpc.ErrorInfo', debug: { reason: 'unknown_type', domain: 'qcore', metadata: { field: 'type' } } },
    ],
  })
})

it('leaves out headers that HTTP cannot carry', async () => {
  const answer = await request('GetRoot', '{}', { 'x-(echo)': 'a', 'x-other': 'wide: \u{1f600}', 'x-echo': 'b' })
  expect(answer.json()).toEqual({ revision: '7' })
  expect(answer.headers?.get('x-echo')).toBe('b')
})

it.each([
  ['a body that is not JSON', '{', {}],
  ['a body that is not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), {}],
  ['a body that is not protobuf', new Uint8Array([0x0a, 0x7f]), { 'Content-Type': 'application/proto' }],
  ['another content type', '{}', { 'Content-Type': 'text/plain' }],
  ['a timeout that is not a number', '{}', { 'Connect-Timeout-Ms': 'soon' }],
])('refuses %s as invalid_request, and does not run it', async (_name, body, header) => {
  const before = runs
  const answer = await request('GetRoot', body, header)
  expect(answer.headers?.get('Nats-Service-Error-Code')).toBe('400')
  expect(answer.string()).toContain('"reason":"invalid_request"')
  expect(runs).toBe(before)
})

it('does not run a request without time left', async () => {
  const before = runs
  const answer = await request('GetRoot', '{}', { 'Connect-Timeout-Ms': '0' })
  expect(answer.string()).toContain('"reason":"deadline_exceeded"')
  expect(runs).toBe(before)
})

it('answers at the deadline, and drops what the handler does after it', async () => {
  const answers: string[] = []
  const reply = `test.${served.store}.late`
  connection.subscribe(reply, { callback: (_error, message) => void answers.push(message.string()) })
  const sent = headers()
  sent.set('Connect-Timeout-Ms', '30')
  connection.publish(subject('ListTypes'), '{}', { reply, headers: sent })
  await vi.waitFor(() => expect(answers).toHaveLength(1))
  expect(answers[0]).toContain('"reason":"deadline_exceeded"')
  expect(served.server.stats.running).toBe(1)
  gate.resolve()
  await vi.waitFor(() => expect(served.server.stats.running).toBe(0))
  await request('GetStatus', '{}')
  expect(answers).toHaveLength(1)
})

it('does not run a request that nobody waits for', async () => {
  const before = runs
  connection.publish(subject('GetRoot'), '{}')
  await request('GetStatus', '{}')
  expect(runs).toBe(before)
})

it.each(['log', 'v1.read.GetRoot'])('does not answer to a subject of the platform, as q.<store>.%s', async (name) => {
  const before = runs
  const answered: Msg[] = []
  const reply = `q.${served.store}.${name}`
  const subscription = connection.subscribe(reply, { callback: (_error, message) => void answered.push(message) })
  connection.publish(subject('GetStatus'), '{}', { reply })
  await request('GetStatus', '{}')
  subscription.unsubscribe()
  expect(answered).toEqual([])
  expect(runs).toBe(before)
})

it('answers an unknown method of a served service', async () => {
  const answer = await request('GetNothing', '{}')
  expect(answer.headers?.get('Nats-Service-Error-Code')).toBe('501')
  expect(answer.string()).toContain('"reason":"unknown_method"')
})

it('carries bytes there and back', async () => {
  const body = new TextEncoder().encode('{"consistency":{"atLeastRevision":"9"}}')
  const options = { connection, subject: subject('GetRoot'), body, timeoutMs: 1_000 }
  const answer = await callNats({ ...options, headers: [['content-type', 'application/json']] })
  expect(new TextDecoder().decode(answer.body)).toBe('{"revision":"9"}')
  expect(answer.contentType).toBe('application/json')
  expect(answer.trailers.get('x-after')).toBe('all')
  expect(answer.headers.has('trailer-x-after')).toBe(false)
  expect(answer.error).toBeUndefined()
})

it('carries bytes with the headers of a NATS message', async () => {
  const header = headers()
  header.append('Content-Type', 'application/proto')
  const options = { connection, subject: subject('GetRoot'), body: new Uint8Array(), timeoutMs: 1_000 }
  const answer = await callNats({ ...options, headers: header })
  expect(answer.contentType).toBe('application/proto')
  expect(fromBinary(GetRootResponseSchema, answer.body).revision).toBe(7n)
})

it('gives the error of a raw call beside its bytes', async () => {
  const options = { connection, subject: subject('GetSchema'), body: new Uint8Array(), timeoutMs: 1_000 }
  const answer = await callNats({ ...options, headers: [] })
  expect(fromConnectError(answer.error)).toMatchObject({ code: 'unknown_type', field: 'type' })
  expect(JSON.parse(new TextDecoder().decode(answer.body))).toMatchObject({ code: 'not_found' })
  expect(answer.contentType).toBe('application/json')
  expect([...answer.headers.keys()]).toEqual([])
})

it('does not send a header that would break the message', async () => {
  const options = { connection, subject: subject('GetRoot'), body: new Uint8Array(), timeoutMs: 1_000 }
  const call = callNats({ ...options, headers: [['x-a', 'b\r\nx-injected: c']] })
  expect(await failure(call)).toMatchObject({ code: 'invalid_request', field: 'x-a' })
})

it('reads the headers of messages where this version of the client lays them', async () => {
  const inbox = `test.${served.store}.layout`
  const blocks: (string | undefined)[] = []
  connection.subscribe(inbox, {
    callback: (_error, message) => void blocks.push(readHeaderBlock(message, message.data)),
  })
  for (const size of [0, 10, 200_000]) {
    connection.publish(inbox, 'x'.repeat(size))
    connection.publish(inbox, 'x'.repeat(size), { reply: 'reply', headers: new WireHeaders([['x-ä', 'ö']]).forNats() })
  }
  await connection.flush()
  const block = 'NATS/1.0\r\nx-ä: ö\r\n\r\n'
  expect(blocks).toEqual(['', block, '', block, '', block])
})

it('sends a stream to a plain subscriber: heartbeat, frame, end', async () => {
  const inbox = `test.${served.store}`
  const received: Msg[] = []
  const done = Promise.withResolvers<void>()
  const subscription = connection.subscribe(inbox, {
    callback: (_error, message) => {
      received.push(message)
      if (message.data.includes(2)) done.resolve()
    },
  })
  connection.publish(`q.${served.store}.v1.watch.Watch`, '{}', { reply: inbox })
  await done.promise
  subscription.unsubscribe()
  expect(received[0]?.data.length).toBe(0)
  expect(received[0]?.reply).toMatch(/\.0$/)
  expect(received[1]?.reply).toMatch(/\.1$/)
  const frames = Buffer.concat(received.map(({ data }) => data))
  const message = '{"progress":{"revision":"3"}}'
  expect(frames.readUInt8(0)).toBe(0)
  expect(frames.readUInt32BE(1)).toBe(message.length)
  expect(frames.subarray(5, 5 + message.length).toString()).toBe(message)
  expect(frames.subarray(5 + message.length).toString('latin1')).toBe('\u0002\0\0\0\u0002{}')
})
