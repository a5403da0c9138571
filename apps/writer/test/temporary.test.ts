import { createClient, type Client } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import { AccessLevel, TemporaryService } from '@qcore/contracts'
import { createNatsTransport, fromConnectError } from '@qcore/transport'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { authSecret } from './_writer-client.ts'

let writer: RunningWriter
let calls: Client<typeof TemporaryService>

beforeAll(async () => {
  writer = await startWriter()
  calls = await callsOf(AccessLevel.WRITE)
})

afterAll(() => writer[Symbol.asyncDispose]())

async function callsOf(level: AccessLevel): Promise<Client<typeof TemporaryService>> {
  const { token } = await mintToken(authSecret, { subject: 'ada', level, scopes: [], lifetimeSeconds: 600 })
  const { connection, store } = writer
  const transport = createNatsTransport({
    connection,
    store,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`)
        return next(request)
      },
    ],
  })
  return createClient(TemporaryService, transport)
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: unknown) => fromConnectError(error).code,
  )
}

describe('a temporary key', () => {
  it('is set by one of those who try at once', async () => {
    const tries = Array.from({ length: 20 }, (_, index) => calls.setKey({ key: 'race', value: `${index}` }))
    const won = (await Promise.all(tries)).flatMap(({ set }, index) => (set ? [index] : []))
    expect(won).toHaveLength(1)
    expect((await calls.getKey({ key: 'race' })).value).toBe(`${won[0]}`)
  })

  it('of a text that PostgreSQL cannot hold is refused', async () => {
    expect(await codeOf(calls.setKey({ key: 'a\u0000b', value: 'x' }))).toBe('invalid_request')
    expect(await codeOf(calls.setKey({ key: 'nul', value: '\u0000' }))).toBe('invalid_request')
    expect(await codeOf(calls.getKey({ key: 'a\u0000b' }))).toBe('invalid_request')
  })

  it('is deleted by one of those who try at once', async () => {
    await calls.setKey({ key: 'once', value: 'x' })
    const tries = await Promise.all(Array.from({ length: 20 }, () => calls.deleteKey({ key: 'once' })))
    expect(tries.filter(({ found }) => found)).toHaveLength(1)
    expect((await calls.getKey({ key: 'once' })).value).toBeUndefined()
  })

  it('whose time is over is not there, can be set anew, and cannot be kept', async () => {
    await calls.setKey({ key: 'short', value: 'old', lifetimeMs: 1n })
    await vi.waitFor(async () => expect((await calls.getKey({ key: 'short' })).value).toBeUndefined())
    expect((await calls.expireKey({ key: 'short', lifetimeMs: 60_000n })).found).toBe(false)
    expect((await calls.deleteKey({ key: 'short' })).found).toBe(false)
    expect((await calls.setKey({ key: 'short', value: 'new' })).set).toBe(true)
  })

  it('outlives a restart of the writer', async () => {
    await calls.setKey({ key: 'kept', value: 'x' })
    await writer.restart()
    await vi.waitFor(async () => expect((await calls.getKey({ key: 'kept' })).value).toBe('x'))
  })

  it('needs level write, and a name', async () => {
    const readers = await callsOf(AccessLevel.READ)
    expect(await codeOf(readers.getKey({ key: 'kept' }))).toBe('permission_denied')
    expect(await codeOf(calls.getKey({ key: '' }))).toBe('invalid_request')
    expect(await codeOf(calls.setKey({ key: 'k', lifetimeMs: 2_592_000_001n }))).toBe('invalid_request')
  })
})

describe('a temporary set', () => {
  it('takes a thousand members, and of those new scores', async () => {
    const members = Array.from({ length: 1_000 }, (_, index) => calls.addMember({ key: 's', member: `m${index}` }))
    await Promise.all(members)
    expect(await codeOf(calls.addMember({ key: 's', member: 'more' }))).toBe('overloaded')
    expect((await calls.addMember({ key: 's', member: 'm5', score: 7 })).added).toBe(false)
    const { members: greatest } = await calls.listMembers({ key: 's', least: 0, leastExcluded: true })
    expect(greatest).toMatchObject([{ member: 'm5', score: 7 }])
    expect((await calls.removeMembersByRank({ key: 's', first: 0n, last: -1n })).removed).toBe(1_000n)
  })

  it('refuses a score that is no number', async () => {
    expect(await codeOf(calls.addMember({ key: 's', member: 'x', score: Number.NaN }))).toBe('invalid_request')
  })
})
