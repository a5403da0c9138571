import { createHmac } from 'node:crypto'

const standardPrefix = 'whsec_'

export interface SignedContent {
  /** The same in every attempt. */
  readonly id: string
  /** Of the attempt, in seconds since 1970. */
  readonly timestamp: number
  readonly body: string
}

/** The headers that sign a webhook: those of Standard Webhooks, and Qhronos' own. */
export function signatureHeaders(secret: string, { id, timestamp, body }: SignedContent): Record<string, string> {
  const key = secret.startsWith(standardPrefix) ? Buffer.from(secret.slice(standardPrefix.length), 'base64') : secret
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'webhook-signature': `v1,${signature}`,
    'x-qhronos-signature': createHmac('sha256', secret).update(body).digest('hex'),
  }
}
