import { describe, expect, it } from 'vitest'
import { isQError, QError } from './qcore-error.ts'
import { errorRegistry, isErrorCode } from './registry.ts'

describe('QError', () => {
  it('carries code, status, field and cause', () => {
    const cause = new Error('cause')
    const error = new QError('unknown_type', 'no type Foo', { field: 'type', cause })
    expect(error).toMatchObject({ name: 'QError', code: 'unknown_type', status: 'not_found', field: 'type', cause })
    expect(isQError(error, 'unknown_type')).toBe(true)
    expect(isQError(error, 'unknown_field')).toBe(false)
    expect(isQError(cause)).toBe(false)
  })
})

describe('the registry', () => {
  it('has codes in snake case with a meaning that is a sentence', () => {
    for (const [code, { meaning }] of Object.entries(errorRegistry)) {
      expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
      expect(meaning).toMatch(/^[A-Z].*\.$/)
    }
  })

  it('tells codes from the names that every object has', () => {
    expect(isErrorCode('compacted')).toBe(true)
    expect(isErrorCode('toString')).toBe(false)
  })
})
