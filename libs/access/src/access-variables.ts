import { createHash, timingSafeEqual } from 'node:crypto'
import { text, variable, wholeNumber } from '@qcore/service'
import { oidcVariables } from './oidc/oidc-variables.ts'
import { leastSecretBytes } from './token.ts'

/** A secret of enough bytes; there is no default, so that no deployment runs with a known one. */
const secretText = text().refine(
  (value) => Buffer.byteLength(value) >= leastSecretBytes,
  `is shorter than ${leastSecretBytes} bytes; make one with \`openssl rand -base64 48\``,
)

/** The setting of every service that verifies tokens. */
export const accessVariables = {
  authSecret: variable(
    'Q_AUTH_SECRET',
    secretText,
    'Secret that the services share, at least 32 bytes: for tokens by HS256, and for what they tell each other; `openssl rand -base64 48` makes one.',
    {
      secret: true,
    },
  ),
  trustMs: variable(
    'Q_TOKEN_TRUST_MS',
    wholeNumber(0, 86_400_000),
    'How long a service accepts tokens while it can learn of revocations neither from PostgreSQL nor over NATS, in milliseconds; then it refuses all. 0: until they end.',
    { default: '60000' },
  ),
  ...oidcVariables,
} as const

/** Whether two secrets are the same, in a time that tells nothing of them. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest()
  return timingSafeEqual(digest(a), digest(b))
}
