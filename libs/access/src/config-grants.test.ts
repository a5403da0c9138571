import { AccessLevel } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { configGrantsOf, type ConfigGrants } from './config-grants.ts'

function grants(level: AccessLevel, ...scopes: string[]): ConfigGrants {
  return configGrantsOf({ subject: 'ada', level, scopes, tokenId: '', issuedAt: 0, expiresAt: 0 })
}

describe('keys of the configuration', () => {
  it('are all denied to a token without a scope that names them', () => {
    const { mayRead, mayWrite, readablePrefixes } = grants(
      AccessLevel.WRITE,
      'permission:config',
      'store:config',
      'service:config',
    )
    expect([mayRead('a'), mayWrite('a'), readablePrefixes]).toEqual([false, false, []])
  })

  it('are all allowed to an administrator', () => {
    const { mayRead, mayWrite, readablePrefixes } = grants(AccessLevel.ADMIN)
    expect([mayRead('a'), mayWrite('a'), readablePrefixes]).toEqual([true, true, ['']])
  })

  it('are allowed by their beginning', () => {
    const { mayRead, mayWrite } = grants(AccessLevel.WRITE, 'config:feature:', 'config.read:limit:')
    expect(['feature:a', 'feature', 'limit:a', 'other'].map(mayRead)).toEqual([true, false, true, false])
    expect(['feature:a', 'feature', 'limit:a', 'other'].map(mayWrite)).toEqual([true, false, false, false])
  })

  it('are not written at level read', () => {
    const { mayRead, mayWrite, readablePrefixes } = grants(AccessLevel.READ, 'config:')
    expect([mayRead('a'), mayWrite('a'), readablePrefixes]).toEqual([true, false, ['']])
  })
})
