import { createHash, timingSafeEqual } from 'node:crypto'
import { text, variable } from '@qcore/service'
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
    'Secret that signs tokens, at least 32 bytes, the same for all services; `openssl rand -base64 48` makes one.',
    {
      secret: true,
    },
  ),
} as const

/** Whether two secrets are the same, in a time that tells nothing of them. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest()
  return timingSafeEqual(digest(a), digest(b))
}
