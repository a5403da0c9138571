import { DeadLetterReason } from '@qcore/contracts'
import { fingerprintOf } from '@qcore/database'
import type { ActionCase } from '../action/action.ts'
import { occasionJson } from '../action/occasion-json.ts'
import { occurrenceState } from '../occurrence-state.ts'
import type { ScheduleSettings } from '../schedule-settings.ts'
import type { ClaimedRow } from '../sql/claim-occurrences.ts'
import type { Settlement } from '../sql/settle-occurrences.ts'

/** What the events of dead letters are called, by action. */
const types = {
  emitEvent: 'schedule.emit_event',
  webhook: 'schedule.webhook',
  apiCall: 'schedule.api_call',
  writeFields: 'schedule.write_fields',
  publish: 'schedule.publish',
  websocket: 'schedule.websocket',
} as const satisfies Record<ActionCase, string>

/** A settlement with the dead letter that it makes, if the occurrence failed for good. */
export function withLetter(
  settlement: Settlement,
  { occurrence, settings, scheduler }: { occurrence: ClaimedRow; settings: ScheduleSettings; scheduler: string },
): Settlement {
  if (settlement.state !== occurrenceState.failed) return settlement
  const { put } = settings
  const kind = put.action?.kind.case
  const type = kind === undefined ? 'schedule' : types[kind]
  const fingerprint = fingerprintOf(`#${occurrence.scheduleId}`, type, DeadLetterReason.FAILED, settlement.error)
  const attempt = Math.max(settlement.attempt, occurrence.attempts)
  const payload = occasionJson({ occurrence, settings, attempt })
  return { ...settlement, letter: { namespace: put.namespace, type, payload, fingerprint, scheduler } }
}
