import { describe, expect, it } from 'vitest'
import { nextLeadershipState, type LeadershipEvent, type LeadershipState } from './leadership-machine.ts'

describe('the states of leadership', () => {
  it.each<[LeadershipState, LeadershipEvent, LeadershipState]>([
    ['unavailable', 'available', 'follower'],
    ['follower', 'elected', 'leader'],
    ['follower', 'unavailable', 'unavailable'],
    ['leader', 'deposed', 'follower'],
    ['leader', 'unavailable', 'unavailable'],
  ])('go from %s by %s to %s', (from, event, to) => expect(nextLeadershipState(from, event)).toBe(to))

  it.each<[LeadershipState, LeadershipEvent]>([
    ['unavailable', 'elected'],
    ['leader', 'elected'],
    ['follower', 'deposed'],
  ])('know no way from %s by %s', (from, event) =>
    expect(() => nextLeadershipState(from, event)).toThrow(/cannot happen/),
  )
})
