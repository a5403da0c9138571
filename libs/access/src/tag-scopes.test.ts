import { AccessLevel } from '@qcore/contracts'
import { expect, it } from 'vitest'
import type { Claims } from './claims.ts'
import { maySeeTags, requireTags } from './tag-scopes.ts'

function claims(scopes: string[], more: Partial<Claims> = {}): Claims {
  return { subject: 'ada', level: AccessLevel.WRITE, scopes, tokenId: '', issuedAt: 0, expiresAt: 0, ...more }
}

it.each<[string, Claims, string[], boolean]>([
  ['without a scope of tags, all', claims(['store:main']), [], true],
  ['with one, what has it', claims(['tag:a', 'tag:b']), ['b', 'c'], true],
  ['with one, nothing else', claims(['tag:a']), ['ab', 'tag:a'], false],
  ['with one, nothing without tags', claims(['tag:a']), [], false],
  ['at level admin, all', claims(['tag:a'], { level: AccessLevel.ADMIN }), [], true],
  ["in Qhronos' form, what has one of its words", claims(['user:a'], { form: 'qhronos' }), ['user:a'], true],
  ["in Qhronos' form without any, nothing", claims([], { form: 'qhronos' }), ['user:a'], false],
])('a token sees of schedules: %s', (_, of, tags, expected) => {
  expect(maySeeTags(of, tags)).toBe(expected)
})

it('the refusal names the field', () => {
  expect(() => requireTags(claims(['tag:a']), [], 'schedule.tags')).toThrowError(
    expect.objectContaining({ code: 'permission_denied', field: 'schedule.tags' }),
  )
})
