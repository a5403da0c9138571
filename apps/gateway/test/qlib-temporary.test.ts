import {
  WebRuntimeSortedSetAddRequestSchema,
  WebRuntimeSortedSetAddResponseSchema,
  WebRuntimeSortedSetRangeByScoreWithScoresRequestSchema,
  WebRuntimeSortedSetRangeByScoreWithScoresResponseSchema,
  WebRuntimeSortedSetRemoveRangeByRankRequestSchema,
  WebRuntimeSortedSetRemoveRangeByRankResponseSchema,
  WebRuntimeSortedSetRemoveRequestSchema,
  WebRuntimeSortedSetRemoveResponseSchema,
  WebRuntimeTempDelRequestSchema,
  WebRuntimeTempDelResponseSchema,
  WebRuntimeTempExpireRequestSchema,
  WebRuntimeTempExpireResponseSchema,
  WebRuntimeTempGetRequestSchema,
  WebRuntimeTempGetResponseSchema,
  WebRuntimeTempSetRequestSchema,
  WebRuntimeTempSetResponseSchema,
} from '@qcore/contracts/legacy/protobufs'
import { AccessLevel } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startQlibStore, type QlibStore } from './_qlib-store.ts'
import { WebClient } from './_web-client.ts'

let store: QlibStore
let web: WebClient

beforeAll(async () => {
  store = await startQlibStore()
  web = await WebClient.connect(store.url, await store.token({ level: AccessLevel.WRITE }))
}, 60_000)

afterAll(async () => {
  await web[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
})

async function set(key: string, value: string, expirationMs: bigint): Promise<boolean> {
  const request = { key, value, expirationMs }
  return (await web.send(WebRuntimeTempSetRequestSchema, WebRuntimeTempSetResponseSchema, request)).success
}

async function get(key: string): Promise<string> {
  return (await web.send(WebRuntimeTempGetRequestSchema, WebRuntimeTempGetResponseSchema, { key })).value
}

async function add(key: string, member: string, score: number): Promise<bigint> {
  const request = { key, member, score }
  return (await web.send(WebRuntimeSortedSetAddRequestSchema, WebRuntimeSortedSetAddResponseSchema, request)).result
}

async function range(key: string, min: string, max: string): Promise<string[]> {
  const { members } = await web.send(
    WebRuntimeSortedSetRangeByScoreWithScoresRequestSchema,
    WebRuntimeSortedSetRangeByScoreWithScoresResponseSchema,
    { key, min, max },
  )
  return members.map(({ member, score }) => `${member} ${score}`)
}

describe('a temporary key', () => {
  it('is set by the first, until it ends', async () => {
    expect(await set('leader', 'one', 300n)).toBe(true)
    expect(await set('leader', 'two', 300n)).toBe(false)
    expect(await get('leader')).toBe('one')
    await vi.waitFor(async () => expect(await set('leader', 'two', 60_000n)).toBe(true))
    expect(await get('leader')).toBe('two')
  })

  it('lasts longer, or not at all', async () => {
    await set('kept', 'x', 200n)
    await web.send(WebRuntimeTempExpireRequestSchema, WebRuntimeTempExpireResponseSchema, {
      key: 'kept',
      expirationMs: 60_000n,
    })
    await set('gone', 'x', 200n)
    await vi.waitFor(async () => expect(await get('gone')).toBe(''))
    expect(await get('kept')).toBe('x')
    await web.send(WebRuntimeTempDelRequestSchema, WebRuntimeTempDelResponseSchema, { key: 'kept' })
    expect(await get('kept')).toBe('')
    expect(await set('for ever', 'x', 0n)).toBe(true)
    expect(await get('for ever')).toBe('x')
  })

  it.each([
    ['with a negative time', 'k', 'x', -1n],
    ['with a long name', 'k'.repeat(300), 'x', 1n],
    ['with a long value', 'k', 'x'.repeat(20_000), 1n],
  ])('is refused %s', async (_, key, value, expirationMs) => {
    const { header } = await web.exchange(WebRuntimeTempSetRequestSchema, { key, value, expirationMs })
    expect(header?.error?.code).toBe('invalid_request')
  })

  it('needs level write', async () => {
    await using reader = await WebClient.connect(store.url, await store.token({ level: AccessLevel.READ }))
    const { header } = await reader.exchange(WebRuntimeTempSetRequestSchema, { key: 'a', value: 'b' })
    expect(header?.error?.code).toBe('permission_denied')
  })
})

describe('a sorted set', () => {
  it('has its members by score', async () => {
    expect([await add('s', 'b', 2), await add('s', 'a', 1), await add('s', 'c', 3), await add('s', 'c', 4)]).toEqual([
      1n,
      1n,
      1n,
      0n,
    ])
    expect(await range('s', '-inf', '+inf')).toEqual(['a 1', 'b 2', 'c 4'])
    expect(await range('s', '(1', '4')).toEqual(['b 2', 'c 4'])
    expect(await range('s', '1', '(4')).toEqual(['a 1', 'b 2'])
    expect(await range('nothing', '-inf', 'inf')).toEqual([])
    const { header } = await web.exchange(WebRuntimeSortedSetRangeByScoreWithScoresRequestSchema, {
      key: 's',
      min: 'low',
      max: 'inf',
    })
    expect(header?.error).toMatchObject({ code: 'invalid_request', field: 'min' })
  })

  it('loses members by name, and by rank', async () => {
    for (const [score, member] of ['a', 'b', 'c', 'd', 'e', 'f'].entries()) await add('r', member, score)
    const remove = await web.send(WebRuntimeSortedSetRemoveRequestSchema, WebRuntimeSortedSetRemoveResponseSchema, {
      key: 'r',
      member: 'f',
    })
    expect(remove.result).toBe(1n)
    const removeByRank = async (start: bigint, stop: bigint): Promise<bigint> => {
      const answer = await web.send(
        WebRuntimeSortedSetRemoveRangeByRankRequestSchema,
        WebRuntimeSortedSetRemoveRangeByRankResponseSchema,
        { key: 'r', start, stop },
      )
      return answer.result
    }
    // All but the newest three, as leaders keep their candidates.
    expect(await removeByRank(0n, -4n)).toBe(2n)
    expect(await range('r', '-inf', '+inf')).toEqual(['c 2', 'd 3', 'e 4'])
    expect(await removeByRank(1n, 1n)).toBe(1n)
    expect(await removeByRank(5n, 9n)).toBe(0n)
    expect(await range('r', '-inf', '+inf')).toEqual(['c 2', 'e 4'])
  })
})
