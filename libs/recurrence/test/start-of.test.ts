import { describe, expect, it } from 'vitest'
import { checkStart, parseRule, startOf } from '../src/index.ts'

describe('the start of a rule', () => {
  it.each([
    ['DTSTART:20300601T070000Z\nRRULE:FREQ=DAILY', '2030-06-01T07:00:00Z'],
    ['DTSTART;TZID=Europe/Paris:20300601T090000\nRRULE:FREQ=DAILY', '2030-06-01T07:00:00Z'],
    ['DTSTART;TZID=Europe/Paris;VALUE=DATE:20300601\nRRULE:FREQ=DAILY', '2030-05-31T22:00:00Z'],
    // It comes twice.
    ['DTSTART;TZID=Europe/London:20261025T013000\nRRULE:FREQ=DAILY', '2026-10-25T00:30:00Z'],
  ])('%j is %s', (text, expected) => {
    expect(startOf(parseRule(text))).toBe(Date.parse(expected))
  })

  it('is the one that is given, or none', () => {
    const startMs = Date.UTC(2030, 0, 1)
    expect(startOf(parseRule('FREQ=DAILY', { startMs }))).toBe(startMs)
    expect(startOf(parseRule('@daily'))).toBeUndefined()
    expect(startOf(parseRule('2030-01-01T09:00:00Z', { startMs }))).toBeUndefined()
  })

  it('cannot be another one beside the rule than within', () => {
    const rule = parseRule('DTSTART:20300601T070000Z\nRRULE:FREQ=DAILY')
    checkStart(rule, Date.UTC(2030, 5, 1, 7), 'start_time')
    checkStart(parseRule('@daily'), 0, 'start_time')
    const refused = expect.objectContaining({ code: 'invalid_schedule', field: 'start_time' }) as Error
    expect(() => checkStart(rule, Date.UTC(2030, 5, 1, 9), 'start_time')).toThrow(refused)
  })

  it('cannot be after the time of a one-time rule', () => {
    const startMs = Date.UTC(2030, 0, 1, 9)
    const once = '2030-01-01T09:00:00Z'
    for (const ms of [startMs, startMs - 1]) checkStart(parseRule(once, { startMs: ms }), ms, 'start_time')
    const refused = expect.objectContaining({ code: 'invalid_schedule', field: 'start_time' }) as Error
    expect(() => checkStart(parseRule(once), startMs + 1, 'start_time')).toThrow(refused)
  })
})
