import { createHmac } from 'node:crypto'

const standardPrefix = 'whsec_'

export interface SignedContent {
  /** The same in every attempt. */
  readonly id: string
  /** Of the attempt, in seconds since 1970. */
  readonly timestamp: number
  readonly body: string
}

/**
 * The headers that sign a webhook: those of Standard Webhooks, and Qhronos' own.
 *
 * @param former secrets of before, that receivers may still verify with, the newest first
 */
export function signatureHeaders(
  secret: string,
  { id, timestamp, body }: SignedContent,
  former: readonly string[] = [],
): Record<string, string> {
  const standard = [secret, ...former].map((each) => {
    const key = each.startsWith(standardPrefix) ? Buffer.from(each.slice(standardPrefix.length), 'base64') : each
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  const own = (each: string): string => createHmac('sha256', each).update(body).digest('hex')
  const [newest] = former
  return {
    'webhook-signature': standard.join(' '),
    'x-qhronos-signature': own(secret),
    ...(newest === undefined ? {} : { 'x-qhronos-signature-former': own(newest) }),
  }
}
