import { clone } from '@bufbuild/protobuf'
import { ActionSchema, type PutSchedule } from '@qcore/contracts'

/** The parts of a schedule that fields may say. */
export type BoundSchedule = Pick<PutSchedule, 'rule' | 'timezone' | 'metadata' | 'action' | 'bindings'>

/**
 * What a schedule says itself of the parts that it is bound with, for a put that leaves them as they are: what is read of it
 * has what its fields say.
 */
export function ownSchedule(schedule: BoundSchedule): BoundSchedule {
  const { bindings, metadata } = schedule
  if (bindings === undefined) return schedule
  const { ownRule: rule, ownTimezone: timezone, ownPayload } = bindings
  if (schedule.action?.kind.case !== 'emitEvent') return { ...schedule, rule, timezone, metadata: ownPayload }
  const action = clone(ActionSchema, schedule.action)
  if (action.kind.case === 'emitEvent') action.kind.value.payload = ownPayload
  return { ...schedule, rule, timezone, metadata, action }
}
