import { isQError } from '@qcore/errors'
import type { NotificationConfig } from './notification-config.ts'
import type { Registrations } from './registrations.ts'

/** Registers, and returns the token; an empty one tells that it failed. */
export async function registerOrNot(
  registrations: Registrations,
  token: string,
  config: NotificationConfig,
): Promise<string> {
  try {
    await registrations.register(token, config)
    return token
  } catch (error) {
    if (isQError(error)) return ''
    throw error
  }
}
