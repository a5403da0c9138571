import { AccessLevel } from '@qcore/contracts'
import { openFaultProxy } from '@qcore/fault-proxy'
import { inject, describe, expect, it, vi } from 'vitest'
import type { Claims } from '../src/claims.ts'
import { signTrustChange } from '../src/trust/trust-change.ts'
import { authSecret, followTestTrust, revoking, type TestTrust } from './_trust.ts'

const claimsOf = (tokenId: string): Claims => ({
  subject: 'ada',
  level: AccessLevel.READ,
  scopes: [],
  tokenId,
  issuedAt: Date.now() / 1_000 - 60,
  expiresAt: Date.now() / 1_000 + 600,
})

function codeOf({ follower }: TestTrust, tokenId: string): string {
  try {
    follower.trust.assertTrusted(claimsOf(tokenId))
    return 'trusted'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a service that follows revocations', () => {
  it('learns of one that was announced without asking anybody', async () => {
    await using test = await followTestTrust()
    test.answer = { since: -1, version: 4, isReset: false, keys: [], revocations: [] }
    await test.follower.refresh()
    test.answer = new Error('gone')
    test.publish(await signTrustChange(authSecret, test.store, revoking('lost', { since: 4, version: 5 })))
    await vi.waitFor(() => expect(codeOf(test, 'lost')).toBe('token_revoked'), 10_000)
    expect(codeOf(test, 'other')).toBe('trusted')
  })

  it('asks by itself, within about a second, for what was not announced', async () => {
    await using test = await followTestTrust()
    await test.follower.refresh()
    test.answer = revoking('lost', { since: -1, version: 1 })
    await vi.waitFor(() => expect(codeOf(test, 'lost')).toBe('token_revoked'), 10_000)
  })

  it('asks for what is missing before an announcement that does not continue what it knows', async () => {
    await using test = await followTestTrust()
    test.answer = { since: -1, version: 4, isReset: false, keys: [], revocations: [] }
    await test.follower.refresh()
    test.answer = revoking('missed', { since: 4, version: 6 })
    test.publish(await signTrustChange(authSecret, test.store, revoking('lost', { since: 6, version: 7 })))
    await vi.waitFor(() => expect(codeOf(test, 'missed')).toBe('token_revoked'), 10_000)
  })

  it('begins anew with a database that was set back', async () => {
    await using test = await followTestTrust()
    test.answer = revoking('lost', { since: -1, version: 9 })
    await test.follower.refresh()
    test.answer = { ...revoking('other', { since: 9, version: 2 }), isReset: true }
    await test.follower.refresh()
    expect([codeOf(test, 'lost'), codeOf(test, 'other')]).toEqual(['trusted', 'token_revoked'])
    expect(test.follower.trust.version).toBe(2)
  })
})

describe('a service that is cut off', () => {
  it('goes on while only its source is away: whoever revokes announces it', async () => {
    await using test = await followTestTrust(inject('natsUrl'), 5_000)
    await test.follower.refresh()
    test.answer = new Error('gone')
    await vi.waitFor(() => expect(test.asked).toBeGreaterThan(7), 40_000)
    expect(codeOf(test, 'any')).toBe('trusted')
  })

  it('refuses every token after a while without its source and NATS, and accepts them again with one of the two', async () => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    await using test = await followTestTrust(proxy.url, 1_500)
    await test.follower.refresh()
    test.answer = new Error('gone')
    proxy.cut()
    expect(codeOf(test, 'any')).toBe('trusted')
    await vi.waitFor(() => expect(codeOf(test, 'any')).toBe('unavailable'), 10_000)
    test.answer = undefined
    await vi.waitFor(() => expect(codeOf(test, 'any')).toBe('trusted'), 10_000)
  })
})
