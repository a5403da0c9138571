import type { ConnectRouter } from '@connectrpc/connect'
import { OccurrenceService, ScheduleService } from '@qcore/contracts'
import type { SchedulerContext } from '../context.ts'
import { backfillSchedule } from './backfill-schedule.ts'
import { changeHandlers } from './change-schedule.ts'
import { editHandlers } from './edit-occurrence.ts'
import { explainOccurrence } from './explain-occurrence.ts'
import { previewSchedule } from './preview-schedule.ts'
import { occurrenceReadHandlers } from './read-occurrences.ts'
import { readHandlers } from './read-schedules.ts'
import { runSchedule } from './run-schedule.ts'

export function registerHandlers(router: ConnectRouter, scheduler: SchedulerContext): void {
  router.service(ScheduleService, {
    ...changeHandlers(scheduler),
    ...readHandlers(scheduler),
    runSchedule: (request) => runSchedule(scheduler, request),
    backfillSchedule: (request) => backfillSchedule(scheduler, request),
    previewSchedule: (request) => previewSchedule(scheduler, request),
  })
  router.service(OccurrenceService, {
    ...occurrenceReadHandlers(scheduler),
    ...editHandlers(scheduler),
    explainOccurrence: (request) => explainOccurrence(scheduler, request),
  })
}
