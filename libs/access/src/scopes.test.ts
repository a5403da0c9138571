import { describe, expect, it } from 'vitest'
import { assertScopes } from './scopes.ts'

describe('assertScopes', () => {
  it('takes stores and services', () => {
    expect(() => assertScopes([])).not.toThrow()
    expect(() => assertScopes(['store:main', 'store:plant_2', 'service:read', 'service:watch'])).not.toThrow()
    expect(() => assertScopes(['service:commit', 'service:token'])).not.toThrow()
    expect(() => assertScopes(['permission:payroll', 'permission:Plant.2-b'])).not.toThrow()
    expect(() => assertScopes(['config:', 'config:feature:a b', 'config.read:limit:'])).not.toThrow()
  })

  it.each([
    'entity:1',
    'store',
    'store:',
    'store:Main',
    'store:a:b',
    'service:',
    'service:write',
    'service:health',
    'permission:',
    'permission:a b',
    'permission:2',
    'config.write:a',
    'config:a\nb',
    'config',
    ':x',
    '',
  ])('refuses %j and names its place', (scope) => {
    expect(() => assertScopes(['store:main', scope])).toThrowError(
      expect.objectContaining({ code: 'invalid_request', field: 'scopes[1]' }),
    )
  })
})
