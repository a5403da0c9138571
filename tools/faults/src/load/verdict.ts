import { ConnectError } from '@connectrpc/connect'
import { fromConnectError } from '@qcore/transport'
import { hasReason } from '@qcore/transport/connect-error'

/** What an error says about a commit. */
export interface Verdict {
  /** Nothing was done and it may be tried again; it may have been done; it was refused for good. */
  readonly kind: 'not done' | 'in doubt' | 'refused'
  readonly code: string
}

const notDone = new Set(['no_responders', 'not_leader', 'overloaded', 'rate_limited', 'unavailable'])
const inDoubt = new Set(['outcome_unknown', 'deadline_exceeded', 'canceled', 'internal'])

/** Reads the error of a commit. A connection that broke without a word of the platform leaves the outcome open. */
export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof ConnectError) || !hasReason(error)) return { kind: 'in doubt', code: 'no answer' }
  const { code } = fromConnectError(error)
  if (notDone.has(code)) return { kind: 'not done', code }
  return { kind: inDoubt.has(code) ? 'in doubt' : 'refused', code }
}
