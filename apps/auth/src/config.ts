import { accessVariables, leastSecretBytes } from '@qcore/access'
import { QError } from '@qcore/errors'
import {
  databaseVariables,
  oneOf,
  serviceVariables,
  text,
  variable,
  wholeNumber,
  type SettingsOf,
} from '@qcore/service'

/** The settings of auth. */
export const authVariables = {
  ...serviceVariables,
  ...databaseVariables,
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
  algorithm: variable(
    'Q_TOKEN_ALGORITHM',
    oneOf(['EdDSA', 'ES256', 'HS256']),
    'How new tokens are signed: with a key of their own, whose public half the gateway publishes, or (HS256) with Q_AUTH_SECRET.',
    { default: 'EdDSA' },
  ),
  keyDays: variable(
    'Q_TOKEN_KEY_DAYS',
    wholeNumber(0, 3_650),
    'After how many days the key that signs tokens gets a successor; 0: only when asked.',
    { default: '30' },
  ),
  keySecret: variable(
    'Q_TOKEN_KEY_SECRET',
    text()
      .refine((value) => Buffer.byteLength(value) >= leastSecretBytes, `is shorter than ${leastSecretBytes} bytes`)
      .optional(),
    'Secret that the private keys in PostgreSQL are encrypted with, the same for all auths. Unset: Q_MASTER_TOKEN. With another one, auth makes a new key.',
    { secret: true },
  ),
  auditDays: variable('Q_AUDIT_DAYS', wholeNumber(1, 36_500), 'For how many days the audit log is kept.', {
    default: '365',
  }),
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
