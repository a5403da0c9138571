import { expect, it } from 'vitest'
import { mayUseNamespace, requireNamespace } from './namespace-scopes.ts'

it.each<[string[], boolean]>([
  [[], true],
  [['store:main', 'service:event'], true],
  [['namespace:demo'], true],
  [['namespace:other', 'namespace:demo'], true],
  [['namespace:other'], false],
  [['namespace:demo2'], false],
  [['namespace:a-demo'], false],
])('a token with the scopes %j may use the namespace demo: %s', (scopes, expected) => {
  expect(mayUseNamespace({ scopes }, 'demo')).toBe(expected)
})

it('the refusal names the field', () => {
  expect(() => requireNamespace({ scopes: ['namespace:a'] }, 'b', 'event.namespace')).toThrowError(
    expect.objectContaining({ code: 'permission_denied', field: 'event.namespace' }),
  )
})
