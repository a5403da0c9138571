/** What a writer is. */
export type LeaseState =
  /** Another one leads, or none; this one asks for the lease. */
  | 'standby'
  /** Holds the lease and loads what it needs, or finds out what became of its last group. */
  | 'starting'
  /** Commits. */
  | 'leading'
  /** Begins nothing any more; what runs comes to its end. */
  | 'leaving'
  | 'stopped'

export type LeaseEvent = 'taken' | 'ready' | 'shaken' | 'lost' | 'left' | 'stop'

const transitions: Readonly<Record<LeaseState, Partial<Record<LeaseEvent, LeaseState>>>> = {
  standby: { taken: 'starting', stop: 'stopped' },
  starting: { ready: 'leading', shaken: 'starting', lost: 'leaving', stop: 'leaving' },
  leading: { shaken: 'starting', lost: 'leaving', stop: 'leaving' },
  leaving: { left: 'standby', lost: 'leaving', stop: 'leaving' },
  stopped: {},
}

/** The state after an event. Throws if the event cannot happen in the state: that is a fault of the caller. */
export function nextLeaseState(state: LeaseState, event: LeaseEvent): LeaseState {
  const next = transitions[state][event]
  if (next === undefined) throw new Error(`the event ${event} cannot happen in the state ${state}`)
  return next
}
