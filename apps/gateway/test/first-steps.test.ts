import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { connect, headers } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { askReflection, registryOf } from './_reflection-client.ts'

// The requests of the README's first steps, as they are there, by each of its ways.

type Service = 'CommitService' | 'ReadService'
type Call = (service: Service, method: string, body: JsonValue) => Promise<JsonValue>

let store: QlibStore
let authorization: string

beforeAll(async () => {
  store = await startQlibStore()
  authorization = `Bearer ${await store.token()}`
})

afterAll(() => store[Symbol.asyncDispose]())

const overHttp: Call = async (service, method, body) => {
  const response = await fetch(`http://127.0.0.1:${store.port}/qcore.store.v1.${service}/${method}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await response.json()) as JsonValue
}

const overNats: Call = async (service, method, body) => {
  await using connection = await connect({ servers: new URL(inject('natsUrl')).host })
  const sent = headers()
  sent.set('Authorization', authorization)
  const name = { CommitService: 'commit', ReadService: 'read' }[service]
  const subject = `q.${store.name}.v1.${name}.${method}`
  return (await connection.request(subject, JSON.stringify(body), { headers: sent, timeout: 5_000 })).json<JsonValue>()
}

/** As grpcurl does: what it knows of the service is what the gateway says of it. */
const overGrpc: Call = async (service, method, body) => {
  const url = `http://127.0.0.1:${store.port}`
  const typeName = `qcore.store.v1.${service}`
  const [file] = await askReflection(url, 'v1', [{ case: 'fileContainingSymbol', value: typeName }], { authorization })
  const described = registryOf(file).getService(typeName)
  const called = described?.methods.find(({ name }) => name === method)
  if (described === undefined || called === undefined) throw new Error(`${typeName} has no ${method}`)
  const client = createClient(described, createGrpcTransport({ baseUrl: url }))
  const call = client[called.localName] as unknown as (request: object, options: object) => Promise<never>
  const answer = await call(fromJson(called.input, body), { headers: { authorization } })
  return toJson(called.output, answer)
}

it.each([
  { way: 'HTTP', call: overHttp },
  { way: 'NATS', call: overNats },
  { way: 'gRPC', call: overGrpc },
])('writes and reads fields with JSON over $way', async ({ way, call }) => {
  const type = `${way}Device`
  const lamp = `${way}-lamp`
  const created = await call('CommitService', 'Commit', {
    mutations: [
      {
        setSchema: {
          schema: {
            type,
            fields: [
              { name: 'Status', valueType: 'VALUE_TYPE_CHOICE', choices: ['OFF', 'ON'] },
              { name: 'Level', valueType: 'VALUE_TYPE_INT' },
            ],
          },
        },
      },
      { createEntity: { type, parentId: 'root', name: way, entityId: lamp, fields: { Level: { int: '3' } } } },
    ],
  })
  const written = await call('CommitService', 'Commit', {
    mutations: [{ writeField: { entityId: lamp, field: 'Status', value: { choice: 'ON' } } }],
  })
  const read = await call('ReadService', 'ReadFields', {
    reads: [
      { entityId: lamp, path: 'Status' },
      { entityId: lamp, path: 'Level' },
      { entityId: lamp, path: 'Parent->Name' },
    ],
  })

  expect(revisionOf(written)).toBe(revisionOf(created) + 1n)
  expect(read).toMatchObject({
    revision: String(revisionOf(written)),
    results: [
      { field: { value: { choice: 'ON' } } },
      { field: { value: { int: '3' } } },
      { field: { value: { string: 'Root' } } },
    ],
  })
})

function revisionOf(answer: JsonValue): bigint {
  return BigInt((answer as { revision: string }).revision)
}
