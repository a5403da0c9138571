import { QError } from '@qcore/errors'
import type { LeaseTiming } from '@qcore/leadership'

/** All in milliseconds. */
export interface LeadershipTiming extends LeaseTiming {
  /** Time between two attempts of a follower that nobody told that the lease is free. */
  readonly attemptMs: number
  /** Time between two announcements of a candidate, and between two heartbeats of the leader; both count for `leaseMs`. */
  readonly announceMs: number
  /** Time between two looks at the criteria of availability. */
  readonly checkMs: number
  /** How long a leader that handed over leaves the lease to others. */
  readonly handOverPauseMs: number
}

const standardLeaseMs = 15_000

/**
 * The timing that goes with a lease: renewed three times while it lasts, with a fifth of it to come to an end.
 *
 * @throws QError `configuration`
 */
export function leadershipTiming(given: Partial<LeadershipTiming> = {}): LeadershipTiming {
  const { leaseMs = standardLeaseMs } = given
  const timing: LeadershipTiming = {
    leaseMs,
    renewMs: leaseMs / 3,
    marginMs: leaseMs / 5,
    attemptMs: leaseMs / 5,
    announceMs: leaseMs / 2,
    checkMs: 100,
    handOverPauseMs: leaseMs / 3,
    ...given,
  }
  for (const [name, ms] of Object.entries(timing)) {
    if (!(ms > 0)) throw wrong(name, 'is not above 0')
  }
  if (timing.renewMs * 2 > leaseMs) throw wrong('renewMs', 'is more than half of leaseMs: no renewal may fail')
  if (timing.renewMs + timing.marginMs >= leaseMs) throw wrong('marginMs', 'leaves no time for a renewal')
  if (timing.announceMs >= leaseMs) throw wrong('announceMs', 'is not less than leaseMs')
  return timing
}

function wrong(field: string, message: string): QError {
  return new QError('configuration', `the ${field} of leadership ${message}`, { field })
}
