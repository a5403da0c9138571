import { clone } from '@bufbuild/protobuf'
import { PutScheduleSchema, ValueType, type PutSchedule, type ScheduleBindings } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { FieldValue } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { checkPayload } from '../event/check-payload.ts'
import { fieldTarget } from '../mutation/field-target.ts'
import { bindingsOf, type Binding, type BoundPart } from './schedule-bindings.ts'

/** More schedules of one field would make a write to it too large. */
const mostSchedulesOfField = 100

/** The type that a field has to have. */
export function typeOfPart(part: BoundPart): ValueType {
  return part === 'paused' ? ValueType.BOOL : ValueType.STRING
}

/**
 * A schedule as it is put, with what the fields say that it is bound to.
 *
 * @throws QError what `fieldTarget` throws, `invalid_request`, `type_mismatch`
 */
export function withBindings(context: CommitContext, given: PutSchedule, path: string): PutSchedule {
  if (given.bindings === undefined) return given
  const schedule = clone(PutScheduleSchema, given)
  const bindings = schedule.bindings
  if (bindings === undefined) return given
  bindings.ownRule = given.rule
  bindings.ownTimezone = given.timezone
  bindings.ownPayload = payloadOf(given)
  for (const binding of bindingsOf(bindings)) {
    const at = `${path}.bindings.${binding.part}`
    if (binding.field.includes('->'))
      throw new QError('invalid_request', 'a field, not a path', { field: `${at}.field` })
    const { entity, field } = fieldTarget(context, binding, at, 'read')
    if (field.valueType !== typeOfPart(binding.part)) {
      const type = binding.part === 'paused' ? 'Bool' : 'String'
      throw new QError('type_mismatch', `the field has to be of type ${type}`, { field: `${at}.field` })
    }
    assertRoom(context, given, binding, at)
    const value = entity.fields[field.position]?.value
    if (value !== undefined) applyValue(schedule, bindings, { part: binding.part, value, path: at })
  }
  return schedule
}

/**
 * Gives a part of a schedule what its field says; an empty text is what the schedule says itself.
 *
 * @throws QError `invalid_request`
 */
export function applyValue(
  schedule: PutSchedule,
  bindings: ScheduleBindings,
  { part, value, path }: { part: BoundPart; value: FieldValue; path: string },
): void {
  switch (part) {
    case 'rule':
      schedule.rule = textOf(value) || bindings.ownRule
      return
    case 'timezone':
      schedule.timezone = textOf(value) || bindings.ownTimezone
      return
    case 'paused':
      schedule.paused = value === true
      return
    case 'payload': {
      const payload = textOf(value) || bindings.ownPayload
      checkPayload(payload, path)
      const kind = schedule.action?.kind
      if (kind?.case === 'emitEvent') kind.value.payload = payload
      else schedule.metadata = payload
      return
    }
    default:
      return part satisfies never
  }
}

function textOf(value: FieldValue): string {
  return typeof value === 'string' ? value : ''
}

function payloadOf({ action, metadata }: PutSchedule): string {
  return action?.kind.case === 'emitEvent' ? action.kind.value.payload : metadata
}

function assertRoom({ state }: CommitContext, { id }: PutSchedule, { entityId, field }: Binding, path: string): void {
  const others = new Set(state.boundFields.ofField(entityId, field))
  others.delete(id)
  if (others.size < mostSchedulesOfField) return
  throw new QError('invalid_request', `a field says something of at most ${mostSchedulesOfField} schedules`, {
    field: `${path}.field`,
  })
}
