import { create, toBinary } from '@bufbuild/protobuf'
import { ReadFieldsResponseSchema, WatchResponseSchema } from '@qcore/contracts'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createContext, runInContext } from 'node:vm'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** What a browser has, and nothing of Node. */
function browserGlobals(): Record<string, unknown> {
  const names = [
    'AbortController AbortSignal Blob Headers ReadableStream Request Response TextDecoder TextEncoder URL',
    'clearTimeout crypto fetch performance queueMicrotask setTimeout',
  ]
  const globals = globalThis as unknown as Record<string, unknown>
  return Object.fromEntries(names.flatMap((line) => line.split(' ')).map((name) => [name, globals[name]]))
}

let code = ''
let imports: string[] = []
let server: Server
let url = ''

beforeAll(async () => {
  const bundle = await rolldown({
    input: new URL('../src/index.ts', import.meta.url).pathname,
    platform: 'browser',
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'iife', name: 'qcore' })
  await bundle.close()
  code = output[0].code
  imports = output[0].imports
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/qcore.store.v1.ReadService/ReadFields') {
        const value = { kind: { case: 'int' as const, value: 2n ** 60n + 1n } }
        const results = [{ outcome: { case: 'field' as const, value: { value, revision: 5n } } }]
        response.setHeader('Content-Type', 'application/proto')
        response.end(toBinary(ReadFieldsResponseSchema, create(ReadFieldsResponseSchema, { results })))
      } else {
        response.setHeader('Content-Type', 'application/connect+proto')
        const current = { entityId: 'a', name: 'Count', value: { kind: { case: 'int' as const, value: 7n } } }
        for (const event of [
          { case: 'live' as const, value: { revision: 5n } },
          { case: 'notifications' as const, value: { revision: 6n, notifications: [{ subscriptions: [0], current }] } },
        ]) {
          response.write(envelope(toBinary(WatchResponseSchema, create(WatchResponseSchema, { event }))))
        }
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** A message of a Connect stream: flags, length, message. */
function envelope(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

describe('a bundle for browsers', () => {
  it('imports nothing: no NATS, no module of Node', () => {
    expect(imports).toEqual([])
    expect(code).not.toMatch(/["'`]node:|require\(["'`]|Buffer\.|async_hooks|nats-core/)
  })

  it('reads and is notified where there is only what browsers have', async () => {
    const result: unknown = await runInContext(
      `${code}
      ;(async () => {
        const q = await qcore.connect({ url: ${JSON.stringify(url)}, token: 'x' })
        const field = await q.read('a', 'Count')
        const seen = []
        for await (const { revision, current } of await q.notifications({ entity: 'a', fields: ['Count'] })) {
          seen.push(revision, current.value)
          break
        }
        await q.close()
        return [String(field.value), field.revision, ...seen.map(String)].join()
      })()`,
      createContext(browserGlobals()),
    )
    expect(result).toBe('1152921504606846977,5,6,7')
  })

  it('says that it cannot reach NATS', async () => {
    const result: unknown = await runInContext(
      `${code}
      ;qcore.connect({ servers: 'nats://127.0.0.1:4222' }).catch((error) => error.code)`,
      createContext(browserGlobals()),
    )
    expect(result).toBe('configuration')
  })
})
