import type { SecretBox } from '@qcore/access'
import { QError } from '@qcore/errors'
import type { HttpRequest } from '../http/send-request.ts'
import { signatureHeaders } from '../http/webhook-signature.ts'
import type { Occasion } from './action.ts'

const userAgent = 'qcore-scheduler/1'

/** Makes the signed request of a webhook. */
export function webhookRequest(
  { occurrence, settings, attempt }: Occasion,
  { secrets, defaultSecret }: { secrets: SecretBox; defaultSecret: string },
): HttpRequest {
  const { put } = settings
  const kind = put.action?.kind
  if (kind?.case !== 'webhook') throw new QError('internal', 'the schedule sends no webhook')
  const { scheduleId, id, run, nominalUs, secret: sealed } = occurrence
  // A run that somebody asked for again is another message.
  const messageId = run === 0 ? id : `${id}-${run}`
  const timestamp = Math.floor(Date.now() / 1_000)
  const scheduledAt = new Date(nominalUs / 1_000).toISOString().replace('.000Z', 'Z')
  const name = put.title === '' ? put.name : put.title
  // By hand: metadata goes as it was given. Names in alphabetical order, as Qhronos sends them.
  const body = `{${[
    `"attempt":${attempt}`,
    `"description":${JSON.stringify(put.description)}`,
    `"event_id":${JSON.stringify(scheduleId)}`,
    `"metadata":${put.metadata === '' ? '{}' : put.metadata}`,
    `"name":${JSON.stringify(name)}`,
    `"occurrence_id":${JSON.stringify(id)}`,
    `"scheduled_at":${JSON.stringify(scheduledAt)}`,
    `"tags":${JSON.stringify(put.tags)}`,
  ].join(',')}}`
  const secret = sealed === null ? defaultSecret : secrets.open(scheduleId, sealed)
  return {
    method: 'POST',
    url: kind.value.url,
    headers: {
      'content-type': 'application/json',
      'user-agent': userAgent,
      'webhook-id': messageId,
      'webhook-timestamp': String(timestamp),
      ...(secret === '' ? {} : signatureHeaders(secret, { id: messageId, timestamp, body })),
    },
    body: Buffer.from(body),
  }
}

/** Makes the request of an API call: what was given, and nothing else. */
export function apiCallRequest({ settings }: Occasion): HttpRequest {
  const kind = settings.put.action?.kind
  if (kind?.case !== 'apiCall') throw new QError('internal', 'the schedule makes no call')
  const { method, url, headers, body } = kind.value
  return { method, url, headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])), body }
}
