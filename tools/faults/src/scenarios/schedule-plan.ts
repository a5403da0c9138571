import { startScheduleLoad, type ScheduleLoad, type ScheduleLoadOptions } from '../load/schedule-load.ts'
import type { FaultRun, Plan, Preparation } from './scenario.ts'

/** How many schedulers share the schedules of a run. */
export const schedulerCount = 3

/** Breaks and heals while schedules fire. */
export type BreakSchedules = (run: FaultRun, schedules: ScheduleLoad) => Promise<void>

/** The plan of a scenario with three schedulers, and schedules that fire all the time. At its end all that was due is over. */
export function planSchedules(
  { parts }: Preparation,
  breakAndHeal: BreakSchedules,
  { hasBadReceivers = false }: Partial<ScheduleLoadOptions> = {},
): Plan {
  let schedules: ScheduleLoad | undefined
  return {
    cluster: { schedulers: schedulerCount },
    breakAndHeal: async (run) => {
      schedules = parts.use(await startScheduleLoad(run.cluster, { hasBadReceivers }))
      run.expect(await schedules.underWay(), 'every schedule has fired')
      await breakAndHeal(run, schedules)
      for (const expectation of await schedules.settle()) run.expect(false, expectation)
    },
    collect: async () => (schedules === undefined ? {} : { schedules: await schedules.record() }),
  }
}
