import { describe, expect, it } from 'vitest'
import { nextLeaseState, type LeaseEvent, type LeaseState } from './lease-machine.ts'

function after(...events: LeaseEvent[]): LeaseState {
  return events.reduce<LeaseState>(nextLeaseState, 'standby')
}

describe('the lease', () => {
  it('makes a standby lead, and a leader a standby again', () => {
    expect(after('taken')).toBe('starting')
    expect(after('taken', 'ready')).toBe('leading')
    expect(after('taken', 'ready', 'lost')).toBe('leaving')
    expect(after('taken', 'ready', 'lost', 'left')).toBe('standby')
  })

  it('lets a leader that was shaken start again without leaving', () => {
    expect(after('taken', 'ready', 'shaken')).toBe('starting')
    expect(after('taken', 'ready', 'shaken', 'ready')).toBe('leading')
    expect(after('taken', 'ready', 'shaken', 'lost')).toBe('leaving')
  })

  it('is over when a standby stops', () => {
    expect(after('stop')).toBe('stopped')
    expect(after('taken', 'lost', 'left', 'stop')).toBe('stopped')
  })

  it.each<[LeaseState, LeaseEvent]>([
    ['standby', 'ready'],
    ['standby', 'lost'],
    ['leading', 'taken'],
    ['leaving', 'ready'],
    ['stopped', 'taken'],
  ])('in the state %s does not expect %s', (state, event) => {
    expect(() => nextLeaseState(state, event)).toThrow(`the event ${event} cannot happen in the state ${state}`)
  })
})
