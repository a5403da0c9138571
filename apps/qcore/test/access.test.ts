import { create, type DescMethod, type DescService } from '@bufbuild/protobuf'
import type { Transport } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { levelOfMethod, mintToken } from '@qcore/access'
import * as contracts from '@qcore/contracts'
import { AccessLevel, TokenService } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import { openNats } from '@qcore/service'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startSystem, type TestSystem } from './_system.ts'

const services: readonly DescService[] = Object.values(contracts)
  .filter((entry) => typeof entry === 'object' && 'kind' in entry && entry.kind === 'service')
  .filter(({ typeName }) => typeName.startsWith('qcore.'))
const methods = services.flatMap((service) => service.methods)
/** The one method that takes no token, but the master token. */
const checked = methods.filter((method) => method !== TokenService.method.mintToken)

let system: TestSystem
let connection: NatsConnection
let transport: Transport

beforeAll(async () => {
  system = await startSystem()
  connection = await openNats(inject('natsUrl'), { name: 'test' })
  transport = createNatsTransport({ connection, store: system.store })
})

afterAll(async () => {
  await connection.close()
  await system[Symbol.asyncDispose]()
})

async function tokenOf(level: AccessLevel, scopes: string[], form?: 'qhronos'): Promise<string> {
  const request = { subject: 'eve', level, scopes, lifetimeSeconds: 60, ...(form === undefined ? {} : { form }) }
  return (await mintToken(system.authSecret, request)).token
}

/** The code that a call ends with over NATS, past the gateway. */
async function codeOverNats(method: DescMethod, token: string | undefined): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const message = create(method.input)
  try {
    if (method.methodKind === 'unary') await transport.unary(method as never, undefined, 5_000, headers, message)
    else {
      const once = async function* () {
        yield message
      }
      const answer = await transport.stream(method as never, undefined, 5_000, headers, once() as never)
      for await (const _ of answer.message) return 'accepted'
    }
    return 'accepted'
  } catch (error) {
    return isQError(error) ? error.code : fromConnectError(error).code
  }
}

/** The status and the code that a call ends with over HTTP. */
async function codeOverHttp(method: DescMethod, token: string | undefined): Promise<string> {
  const isUnary = method.methodKind === 'unary'
  const response = await fetch(`${system.url}/${method.parent.typeName}/${method.name}`, {
    method: 'POST',
    headers: {
      'content-type': isUnary ? 'application/json' : 'application/connect+json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: isUnary ? '{}' : Buffer.from([0, 0, 0, 0, 2, 123, 125]),
  })
  return /"reason":"(\w+)"/.exec(await response.text())?.[1] ?? `${response.status}`
}

/** What calls of all methods with a token end with, by way. Methods that nobody serves at the moment are left out. */
async function outcomes(token: (method: DescMethod) => Promise<string | undefined>): Promise<Set<string>> {
  const found = new Set<string>()
  for (const method of checked) {
    const shown = await token(method)
    const [nats, http] = [await codeOverNats(method, shown), await codeOverHttp(method, shown)]
    if (nats !== 'no_responders') found.add(`nats ${nats}`)
    found.add(`http ${http}`)
  }
  return found
}

describe('every method of the platform, over NATS and HTTP', () => {
  it('is known', () => {
    expect(methods.length).toBeGreaterThan(50)
  })

  it('is refused without a token', async () => {
    expect(await outcomes(async () => undefined)).toEqual(new Set(['nats unauthenticated', 'http unauthenticated']))
  })

  it('is refused with the master token, which only mints', async () => {
    expect(await outcomes(async () => system.masterToken)).toEqual(
      new Set(['nats token_invalid', 'http token_invalid']),
    )
  })

  it.each([
    ['another store', ['store:other']],
    ['another service', ['service:none']],
    ['another service besides the store', [`service:other`, 'permission:x']],
  ])('is refused with a token of level admin whose scopes name %s', async (_, scopes) => {
    const token = await tokenOf(AccessLevel.ADMIN, scopes)
    expect(await outcomes(async () => token)).toEqual(new Set(['nats permission_denied', 'http permission_denied']))
  })

  it("is refused with a token in Qhronos' form, of whatever level", async () => {
    const token = await tokenOf(AccessLevel.ADMIN, [], 'qhronos')
    expect(await outcomes(async () => token)).toEqual(new Set(['nats permission_denied', 'http permission_denied']))
  })

  it('is refused with a token of too low a level', async () => {
    const below = { [AccessLevel.WRITE]: AccessLevel.READ, [AccessLevel.ADMIN]: AccessLevel.WRITE }
    const refused = checked.filter((method) => levelOfMethod(method) > AccessLevel.READ)
    expect(refused.length).toBeGreaterThan(20)
    for (const method of refused) {
      const token = await tokenOf(below[levelOfMethod(method) as keyof typeof below], [])
      expect([method.name, await codeOverHttp(method, token)]).toEqual([method.name, 'permission_denied'])
      expect([method.name, await codeOverNats(method, token)]).toEqual([
        method.name,
        expect.stringMatching(/^(permission_denied|no_responders)$/),
      ])
    }
  })
})

describe('every other route of the gateway', () => {
  it.each([
    ['GET', '/make-client-id'],
    ['POST', '/ws-ticket'],
    ['GET', '/stream/watch?subscription=%7B%22entityId%22%3A%22e%22%2C%22fields%22%3A%5B%22Name%22%5D%7D'],
  ])('%s %s is refused without a token', async (method, path) => {
    const response = await fetch(`${system.url}${path}`, { method })
    expect([path, response.status]).toEqual([path, 401])
  })

  it.each(['/ws', '/stream'])('a WebSocket at %s is answered nothing without a token', async (path) => {
    const socket = new WebSocket(`${system.url.replace('http', 'ws')}${path}`)
    const ended = await new Promise<string>((resolve) => {
      socket.addEventListener('message', () => resolve('answered'))
      socket.addEventListener('close', () => resolve('closed'))
    })
    expect(ended).toBe('closed')
  })
})
