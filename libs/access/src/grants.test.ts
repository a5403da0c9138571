import { AccessLevel } from '@qcore/contracts'
import { allGrants } from '@qcore/model'
import { expect, it } from 'vitest'
import type { Claims } from './claims.ts'
import { grantsOf } from './grants.ts'

function claims(level: AccessLevel, scopes: readonly string[]): Claims {
  return { subject: 'ada', level, scopes, tokenId: '', issuedAt: 0, expiresAt: 0 }
}

it('gives what the scopes of a token name, and everything at level admin', () => {
  const grants = grantsOf(claims(AccessLevel.WRITE, ['store:main', 'permission:pay', 'service:read', 'permission:hr']))
  expect(grants).toEqual({ hasAll: false, names: new Set(['hr', 'pay']) })
  expect(grantsOf(claims(AccessLevel.READ, []))).toEqual({ hasAll: false, names: new Set() })
  expect(grantsOf(claims(AccessLevel.ADMIN, ['permission:pay']))).toBe(allGrants)
})

it('is the same for tokens that hold the same', () => {
  const one = grantsOf(claims(AccessLevel.READ, ['permission:a', 'permission:b']))
  expect(grantsOf(claims(AccessLevel.WRITE, ['permission:b', 'store:x', 'permission:a']))).toBe(one)
  expect(grantsOf(claims(AccessLevel.READ, ['permission:a']))).not.toBe(one)
})
