/** What an instance is among those of its application. */
export type LeadershipState =
  /** It cannot lead: a criterion does not hold, or the leadership store does not answer. */
  | 'unavailable'
  /** It can lead; another one does, or none yet. */
  | 'follower'
  /** It leads. */
  | 'leader'

export type LeadershipEvent = 'available' | 'elected' | 'deposed' | 'unavailable'

const transitions: Readonly<Record<LeadershipState, Partial<Record<LeadershipEvent, LeadershipState>>>> = {
  unavailable: { available: 'follower', unavailable: 'unavailable' },
  follower: { available: 'follower', elected: 'leader', unavailable: 'unavailable' },
  leader: { deposed: 'follower', unavailable: 'unavailable' },
}

/** The state after an event. Throws if the event cannot happen in the state: that is a fault of the caller. */
export function nextLeadershipState(state: LeadershipState, event: LeadershipEvent): LeadershipState {
  const next = transitions[state][event]
  if (next === undefined) throw new Error(`the event ${event} cannot happen in the state ${state}`)
  return next
}
