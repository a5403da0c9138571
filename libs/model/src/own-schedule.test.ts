import { create } from '@bufbuild/protobuf'
import { ActionSchema, PutScheduleSchema, type Action } from '@qcore/contracts'
import { describe, expect, it } from 'vitest'
import { ownSchedule } from './own-schedule.ts'

const bindings = { rule: { entityId: 'a', field: 'Rule' }, ownRule: '@daily', ownTimezone: '', ownPayload: '{"own":1}' }
const applied = { rule: '@hourly', timezone: 'Asia/Kolkata', metadata: '{"field":1}' }
const emitting = (payload: string): Action =>
  create(ActionSchema, { kind: { case: 'emitEvent', value: { type: 'tick', payload } } })

describe('what a schedule says itself', () => {
  it('is what was put, whatever its fields say', () => {
    const { rule, timezone, metadata } = ownSchedule(create(PutScheduleSchema, { ...applied, bindings }))
    expect({ rule, timezone, metadata }).toEqual({ rule: '@daily', timezone: '', metadata: '{"own":1}' })
  })

  it('is the payload of an event, and leaves the schedule that is given as it is', () => {
    const given = create(PutScheduleSchema, { ...applied, bindings, action: emitting('{"field":1}') })
    const own = ownSchedule(given)
    expect([own.action, own.metadata]).toEqual([emitting('{"own":1}'), applied.metadata])
    expect(given.action).toEqual(emitting('{"field":1}'))
  })

  it('is all of it, if it is bound to nothing', () => {
    const given = create(PutScheduleSchema, applied)
    expect(ownSchedule(given)).toBe(given)
  })
})
