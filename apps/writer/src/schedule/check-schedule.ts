import type { Action, EmitEvent, PutSchedule, RetryPolicy, ScheduleKey } from '@qcore/contracts'
import type { Duration } from '@bufbuild/protobuf/wkt'
import { QError } from '@qcore/errors'
import { checkStart } from '@qcore/recurrence'
import { checkAttributes } from '../event/check-attributes.ts'
import { checkPayload } from '../event/check-payload.ts'
import { checkFieldsToWrite, checkMessageToPublish } from './check-store-action.ts'
import { msFromTimestamp, readRule } from './read-rule.ts'

const dayMs = 86_400_000
const mostGraceMs = 7 * dayMs
/** What the connection needs for itself (RFC 9110, and what a client of HTTP refuses). */
const ownHeaders: ReadonlySet<string> = new Set(
  'host content-length connection keep-alive proxy-connection transfer-encoding upgrade te trailer expect'.split(' '),
)

/**
 * Checks what the rules of the proto do not say of a schedule.
 *
 * @throws QError `invalid_request`, `invalid_schedule`, `schedule_never_fires`
 */
export function checkSchedule(schedule: PutSchedule, path: string): void {
  checkPayload(schedule.metadata, `${path}.metadata`)
  checkText(schedule.title, `${path}.title`)
  checkText(schedule.description, `${path}.description`)
  checkDuration(schedule.grace, `${path}.grace`, { leastMs: 0, mostMs: mostGraceMs })
  if (schedule.retry !== undefined) checkRetry(schedule.retry, `${path}.retry`)
  if (schedule.action !== undefined) checkAction(schedule.action, `${path}.action`)
  checkRule(schedule, path)
}

/** The start is one of the rule that is put: what a field says instead may have its own. */
function checkRule(schedule: PutSchedule, path: string): void {
  const rule = readRule(schedule, path, Date.now())
  const field = `${path}.start_time`
  if (schedule.startTime !== undefined) checkStart(rule, msFromTimestamp(schedule.startTime, field), field)
}

/**
 * Checks that a key names one schedule.
 *
 * @throws QError `invalid_request`
 */
export function checkScheduleKey(key: ScheduleKey | undefined, path: string): void {
  const hasId = key !== undefined && key.id !== ''
  const hasName = key !== undefined && key.namespace !== '' && key.name !== ''
  if (hasId ? key.namespace === '' && key.name === '' : hasName) return
  throw new QError('invalid_request', 'a schedule is named by its id alone, or by namespace and name', { field: path })
}

function checkText(text: string, field: string): void {
  if (text.includes('\0')) throw new QError('invalid_request', 'the NUL character cannot be kept', { field })
}

function checkRetry({ backoff, maxBackoff }: RetryPolicy, path: string): void {
  checkDuration(backoff, `${path}.backoff`, { leastMs: 1, mostMs: dayMs })
  checkDuration(maxBackoff, `${path}.max_backoff`, { leastMs: 1, mostMs: dayMs })
}

function checkDuration(
  duration: Duration | undefined,
  field: string,
  { leastMs, mostMs }: { leastMs: number; mostMs: number },
): void {
  if (duration === undefined) return
  const ms = Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000
  if (ms >= leastMs && ms <= mostMs) return
  throw new QError('invalid_request', `a time of ${leastMs} ms to ${mostMs / 1_000} s`, { field })
}

function checkAction({ kind }: Action, path: string): void {
  switch (kind.case) {
    case 'emitEvent':
      checkOwnTimes(kind.value, `${path}.emit_event`)
      checkAttributes(kind.value.attributes, `${path}.emit_event.attributes`)
      return checkPayload(kind.value.payload, `${path}.emit_event.payload`)
    case 'webhook':
      return checkUrl(kind.value.url, `${path}.webhook.url`)
    case 'apiCall': {
      const { url, method, headers } = kind.value
      checkUrl(url, `${path}.api_call.url`)
      if (method === 'CONNECT' || method === 'TRACE')
        throw new QError('invalid_request', `${method} is no method of a call`, { field: `${path}.api_call.method` })
      for (const [index, { name }] of headers.entries()) {
        if (!ownHeaders.has(name.toLowerCase())) continue
        const field = `${path}.api_call.headers[${index}].name`
        throw new QError('invalid_request', `${name} belongs to the connection`, { field })
      }
      return
    }
    case 'writeFields':
      return checkFieldsToWrite(kind.value, `${path}.write_fields`)
    case 'publish':
      return checkMessageToPublish(kind.value, `${path}.publish`)
    case 'websocket':
    case undefined:
  }
}

/** Every occurrence has a time of its own, and its event is later, or good for so long, by a distance from that. */
function checkOwnTimes({ delivery, expiry }: EmitEvent, path: string): void {
  if (delivery.case === 'deliverTime') {
    throw new QError('invalid_request', 'the same for every occurrence; give delay_ms', {
      field: `${path}.deliver_time`,
    })
  }
  if (expiry.case === 'expireTime') {
    throw new QError('invalid_request', 'the same for every occurrence; give lifetime_ms', {
      field: `${path}.expire_time`,
    })
  }
}

function checkUrl(text: string, field: string): void {
  const url = URL.parse(text)
  if (url === null) throw new QError('invalid_request', 'this is no URL', { field })
  if (url.username !== '' || url.password !== '') {
    throw new QError('invalid_request', 'a URL with user and password would be shown to every reader', { field })
  }
}
