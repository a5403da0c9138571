import type { SecretBox } from '@qcore/access'
import { isQError, QError } from '@qcore/errors'
import type { HttpRequest } from '../http/send-request.ts'
import { signatureHeaders } from '../http/webhook-signature.ts'
import type { Occasion } from './action.ts'
import { messageIdOf, occasionJson } from './occasion-json.ts'

const userAgent = 'qcore-scheduler/1'

/** Makes the signed request of a webhook. */
export function webhookRequest(
  occasion: Occasion,
  { secrets, defaultSecret }: { secrets: SecretBox; defaultSecret: string },
): HttpRequest {
  const { occurrence, settings } = occasion
  const kind = settings.put.action?.kind
  if (kind?.case !== 'webhook') throw new QError('internal', 'the schedule sends no webhook')
  const { scheduleId, secret: sealed } = occurrence
  const messageId = messageIdOf(occurrence)
  const timestamp = Math.floor(occasion.startedUs / 1_000_000)
  const body = occasionJson(occasion)
  const secret = sealed === null ? defaultSecret : secrets.open(scheduleId, sealed)
  return {
    method: 'POST',
    url: kind.value.url,
    headers: Object.entries({
      'content-type': 'application/json',
      'user-agent': userAgent,
      'webhook-id': messageId,
      'webhook-timestamp': String(timestamp),
      ...(secret === ''
        ? {}
        : signatureHeaders(secret, { id: messageId, timestamp, body }, formerSecrets(occurrence, secrets, secret))),
    }),
    body: Buffer.from(body),
  }
}

/** Secrets of before that differ from the present one, as they do not after a rotation that failed. */
function formerSecrets(
  { scheduleId, formerSecrets: sealed }: Occasion['occurrence'],
  secrets: SecretBox,
  present: string,
): string[] {
  const opened = (sealed ?? []).flatMap((each) => {
    try {
      return [secrets.open(scheduleId, each)]
    } catch (error) {
      // Nobody can sign with it any more; the present one is what counts.
      if (isQError(error, 'configuration')) return []
      throw error
    }
  })
  return [...new Set(opened)].filter((each) => each !== present)
}

/** Makes the request of an API call: what was given, and nothing else. */
export function apiCallRequest({ settings }: Occasion): HttpRequest {
  const kind = settings.put.action?.kind
  if (kind?.case !== 'apiCall') throw new QError('internal', 'the schedule makes no call')
  const { method, url, headers, body } = kind.value
  return { method, url, headers: headers.map(({ name, value }) => [name, value]), body }
}
