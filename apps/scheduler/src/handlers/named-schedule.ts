import { maySeeTags, mayUseNamespace, type Claims } from '@qcore/access'
import type { ScheduleKey } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { storedScheduleState } from '../message/schedule-message.ts'
import { readSettingsOf } from '../schedule-settings.ts'
import { loadSchedule, type ScheduleRow } from '../sql/schedules.ts'

/**
 * Checks that a key names one schedule.
 *
 * @throws QError `invalid_request`
 */
export function checkedKey(key: ScheduleKey | undefined): ScheduleKey {
  const hasName = key !== undefined && key.namespace !== '' && key.name !== ''
  if (key !== undefined && (key.id === '' ? hasName : key.namespace === '' && key.name === '')) return key
  throw new QError('invalid_request', 'a schedule is named by its id alone, or by namespace and name', {
    field: 'schedule',
  })
}

/**
 * The schedule that a key names.
 *
 * @throws QError `invalid_request`, `unknown_schedule`
 */
export async function namedSchedule(
  executor: Executor,
  key: ScheduleKey | undefined,
  caller: Claims,
): Promise<ScheduleRow> {
  const schedule = await anySchedule(executor, key, caller)
  if (schedule.state === storedScheduleState.deleted) throw unknownSchedule()
  return schedule
}

/** The same, also for one that was deleted and is named by its id. */
export async function anySchedule(
  executor: Executor,
  key: ScheduleKey | undefined,
  caller: Claims,
): Promise<ScheduleRow> {
  const schedule = await readDatabase(loadSchedule(executor, checkedKey(key)))
  if (schedule === undefined || !maySeeSchedule(caller, schedule)) throw unknownSchedule()
  return schedule
}

/** Whether a token sees a schedule: what its scopes leave out is hidden from it. */
export function maySeeSchedule(caller: Claims, { namespace, definition }: ScheduleRow): boolean {
  return mayUseNamespace(caller, namespace) && maySeeTags(caller, readSettingsOf(definition).put.tags)
}

function unknownSchedule(): QError {
  return new QError('unknown_schedule', 'there is no such schedule', { field: 'schedule' })
}
