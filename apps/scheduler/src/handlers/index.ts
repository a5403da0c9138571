import type { ConnectRouter } from '@connectrpc/connect'
import { OccurrenceService, ScheduleService } from '@qcore/contracts'
import type { SchedulerContext } from '../context.ts'
import { backfillSchedule } from './backfill-schedule.ts'
import { changeHandlers } from './change-schedule.ts'
import { taggedHandlers } from './change-tagged.ts'
import { editHandlers } from './edit-occurrence.ts'
import { explainOccurrence } from './explain-occurrence.ts'
import { listVersions } from './list-schedule-versions.ts'
import { previewSchedule } from './preview-schedule.ts'
import { occurrenceReadHandlers } from './read-occurrences.ts'
import { readHandlers } from './read-schedules.ts'
import { rotateSecret } from './rotate-secret.ts'
import { runSchedule } from './run-schedule.ts'

export function registerHandlers(router: ConnectRouter, scheduler: SchedulerContext): void {
  router.service(ScheduleService, {
    ...changeHandlers(scheduler),
    ...taggedHandlers(scheduler),
    ...readHandlers(scheduler),
    rotateSecret: (request, context) => rotateSecret(scheduler, request, context),
    listScheduleVersions: (request, context) => listVersions(scheduler, request, context),
    runSchedule: (request, context) => runSchedule(scheduler, request, context),
    backfillSchedule: (request, context) => backfillSchedule(scheduler, request, context),
    previewSchedule: (request, context) => previewSchedule(scheduler, request, context),
  })
  router.service(OccurrenceService, {
    ...occurrenceReadHandlers(scheduler),
    ...editHandlers(scheduler),
    explainOccurrence: (request, context) => explainOccurrence(scheduler, request, context),
  })
}
