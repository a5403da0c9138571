import type { ServiceImpl } from '@connectrpc/connect'
import type { ScheduleService } from '@qcore/contracts'
import type { SchedulerContext } from '../context.ts'
import { commitMutation, type CommittedMutation } from './commit-mutation.ts'

type Changes = Pick<
  ServiceImpl<typeof ScheduleService>,
  'putSchedule' | 'deleteSchedule' | 'pauseSchedule' | 'resumeSchedule'
>

/** What changes a schedule: each is a commit of one mutation. */
export function changeHandlers(scheduler: SchedulerContext): Changes {
  return {
    async putSchedule({ schedule, idempotencyKey }, context) {
      const kind = schedule === undefined ? none : ({ case: 'putSchedule', value: schedule } as const)
      return answerOf(await commitMutation(scheduler, { kind, idempotencyKey }, context))
    },
    async deleteSchedule({ schedule, idempotencyKey }, context) {
      const kind = schedule === undefined ? none : ({ case: 'deleteSchedule', value: schedule } as const)
      return answerOf(await commitMutation(scheduler, { kind, idempotencyKey }, context))
    },
    async pauseSchedule({ schedule, idempotencyKey }, context) {
      const kind = schedule === undefined ? none : ({ case: 'pauseSchedule', value: schedule } as const)
      return answerOf(await commitMutation(scheduler, { kind, idempotencyKey }, context))
    },
    async resumeSchedule({ schedule, idempotencyKey }, context) {
      const kind = schedule === undefined ? none : ({ case: 'resumeSchedule', value: schedule } as const)
      return answerOf(await commitMutation(scheduler, { kind, idempotencyKey }, context))
    },
  }
}

const none = { case: undefined } as const

function answerOf({ result, revision }: CommittedMutation): { scheduleId: string; revision: bigint; changed: boolean } {
  return { scheduleId: result?.scheduleId ?? '', revision, changed: result?.changed ?? false }
}
