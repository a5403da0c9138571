import { accessVariables, leastSecretBytes } from '@qcore/access'
import { QError } from '@qcore/errors'
import { serviceVariables, text, variable, type SettingsOf } from '@qcore/service'

/** The settings of auth. */
export const authVariables = {
  ...serviceVariables,
  ...accessVariables,
  masterToken: variable(
    'Q_MASTER_TOKEN',
    text().refine(
      (value) => Buffer.byteLength(value) >= leastSecretBytes && !/\s/.test(value),
      `is shorter than ${leastSecretBytes} bytes or has white space; make one with \`openssl rand -hex 32\``,
    ),
    'Token that may mint tokens and nothing else, at least 32 bytes; `openssl rand -hex 32` makes one. Only auth needs it.',
    { secret: true },
  ),
} as const

export type AuthConfig = SettingsOf<typeof authVariables>

/**
 * Checks what one setting says about another.
 *
 * @throws QError `configuration`
 */
export function assertConsistent(config: AuthConfig): void {
  if (config.masterToken !== config.authSecret) return
  // The master token travels; whoever sees it could sign tokens of any kind.
  throw new QError('configuration', 'Q_MASTER_TOKEN and Q_AUTH_SECRET are the same; make each a secret of its own', {
    field: 'Q_MASTER_TOKEN',
  })
}
