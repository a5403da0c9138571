import { readSettings } from '@qcore/service'
import { describe, expect, it } from 'vitest'
import { accessVariables, sameSecret } from './access-variables.ts'

describe('Q_AUTH_SECRET', () => {
  it.each([undefined, '', 'changeme', 'x'.repeat(31)])('is refused when it is %j', (secret) => {
    expect(() => readSettings(accessVariables, { Q_AUTH_SECRET: secret })).toThrowError(
      expect.objectContaining({
        code: 'configuration',
        field: 'Q_AUTH_SECRET',
        message: expect.stringContaining('Q_AUTH_SECRET'),
      }),
    )
  })

  it('is not shown in the refusal', () => {
    expect(() => readSettings(accessVariables, { Q_AUTH_SECRET: 'opensesame' })).toThrow(/^(?!.*opensesame)/)
  })

  it('is taken from 32 bytes on', () => {
    expect(readSettings(accessVariables, { Q_AUTH_SECRET: 'é'.repeat(16) }).authSecret).toHaveLength(16)
  })
})

describe('sameSecret', () => {
  it('compares secrets of any length', () => {
    expect(sameSecret('abc', 'abc')).toBe(true)
    expect(sameSecret('abc', 'abd')).toBe(false)
    expect(sameSecret('abc', 'abcd')).toBe(false)
    expect(sameSecret('', '')).toBe(true)
  })
})
