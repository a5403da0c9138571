import { QError } from '@qcore/client'

/** What the command ends with, for scripts. The README lists them. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  denied: 5,
  refused: 6,
  unknown: 7,
} as const

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof QError)) return exitCodes.error
  switch (error.status) {
    case 'invalid_argument':
      return exitCodes.usage
    case 'not_found':
      return exitCodes.notFound
    case 'unavailable':
    case 'deadline_exceeded':
      return exitCodes.unreachable
    case 'unauthenticated':
    case 'permission_denied':
      return exitCodes.denied
    case 'failed_precondition':
    case 'already_exists':
    case 'out_of_range':
      return error.code === 'configuration' ? exitCodes.usage : exitCodes.refused
    case 'unknown':
      return exitCodes.unknown
    default:
      return exitCodes.error
  }
}

/** An error for people: its code, its message, and the part of the request that is wrong. */
export function describeError(error: unknown): string {
  if (!(error instanceof QError)) return error instanceof Error ? error.message : String(error)
  const field = error.field === '' ? '' : ` (${error.field})`
  return `${error.code}: ${error.message}${field}`
}
