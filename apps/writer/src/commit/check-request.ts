import type { Claims } from '@qcore/access'
import { occurrenceKeyPrefix, schedulerSubject, type CommitRequest, type Mutation } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { checkAttributes } from '../event/check-attributes.ts'
import { checkPayload } from '../event/check-payload.ts'
import { checkSchedule, checkScheduleKey } from '../schedule/check-schedule.ts'

/** Control characters: PostgreSQL's text has no NUL, and nobody means the others in a key. */
// oxlint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f]/

/**
 * Checks what the rules of the proto do not say.
 *
 * @throws QError `invalid_request`, `invalid_schedule`, `schedule_never_fires`, `permission_denied`
 */
export function checkRequest({ idempotencyKey, mutations }: CommitRequest, path: string, caller: Claims): void {
  if (mutations.some(altersType)) checkAlterations(mutations, path)
  for (const [index, { kind }] of mutations.entries()) {
    const field = `${path}mutations[${index}]`
    if (kind.case === 'emitEvent') {
      checkPayload(kind.value.payload, `${field}.emit_event.payload`)
      checkAttributes(kind.value.attributes, `${field}.emit_event.attributes`)
    }
    if (kind.case === 'putSchedule') checkSchedule(kind.value, `${field}.put_schedule`)
    if (kind.case === 'deleteSchedule') checkScheduleKey(kind.value.schedule, `${field}.delete_schedule.schedule`)
    if (kind.case === 'pauseSchedule') checkScheduleKey(kind.value.schedule, `${field}.pause_schedule.schedule`)
    if (kind.case === 'resumeSchedule') checkScheduleKey(kind.value.schedule, `${field}.resume_schedule.schedule`)
  }
  checkConfigKeys(mutations, path)
  if (idempotencyKey !== '') checkKey(idempotencyKey, caller, `${path}idempotency_key`)
}

/** Whoever had the key of an occurrence before it is due would take its place. */
function checkKey(key: string, { subject }: Claims, field: string): void {
  if (controlCharacters.test(key)) throw new QError('invalid_request', 'a key has no control characters', { field })
  if (!key.startsWith(occurrenceKeyPrefix) || subject === schedulerSubject) return
  throw new QError('permission_denied', `a key that begins with ${occurrenceKeyPrefix} is a scheduler's`, { field })
}

/** The history of the configuration has a row a key and revision. */
function checkConfigKeys(mutations: readonly Mutation[], path: string): void {
  const keys = new Set<string>()
  for (const [index, { kind }] of mutations.entries()) {
    if (kind.case !== 'putConfig' && kind.case !== 'deleteConfig') continue
    const { key } = kind.value
    const field = `${path}mutations[${index}].${kind.case === 'putConfig' ? 'put_config' : 'delete_config'}.key`
    if (key.includes('\0') || !key.isWellFormed()) {
      throw new QError('invalid_request', 'a key has no NUL, and no half of a surrogate pair', { field })
    }
    if (keys.has(key)) throw new QError('invalid_request', 'the commit names the key twice', { field })
    keys.add(key)
  }
}

/** While a type changes, what its entities hold is not at hand: such a commit does nothing else. */
function checkAlterations(mutations: readonly Mutation[], path: string): void {
  const types = new Set<string>()
  for (const [index, { kind }] of mutations.entries()) {
    const field = `${path}mutations[${index}]`
    if (kind.case !== 'alterType' && kind.case !== 'deleteType') {
      throw new QError('invalid_request', 'a commit that alters or deletes types does nothing else', { field })
    }
    if (types.has(kind.value.type)) {
      throw new QError('invalid_request', `the commit changes the type ${kind.value.type} twice`, { field })
    }
    types.add(kind.value.type)
  }
}

function altersType({ kind }: Mutation): boolean {
  return kind.case === 'alterType' || kind.case === 'deleteType'
}
