import { requestKeyConstraint } from '@qcore/database'
import { headMovedState } from '@qcore/sync-config'

/** SQLSTATEs after which the outcome of a statement is not known: the connection, or the server, went away. */
const uncertainStates = /^(08|57P)/

/** The SQLSTATE with which PostgreSQL refused a statement; undefined if it did not, or the outcome is not known. */
export function refusalState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  const { code } = error
  return typeof code === 'string' && !uncertainStates.test(code) ? code : undefined
}

/** Whether a statement was refused because an idempotency key is in the store already. */
export function isRequestKeyTaken(error: unknown): boolean {
  return refusalState(error) === '23505' && (error as { constraint?: unknown }).constraint === requestKeyConstraint
}

/** Whether a statement was refused because another one has changed the configuration. */
export function isConfigMoved(error: unknown): boolean {
  return refusalState(error) === headMovedState
}

/** Whether a statement was refused because a transaction of somebody else holds the configuration. */
export function isConfigHeld(error: unknown): boolean {
  return refusalState(error) === '55P03'
}
