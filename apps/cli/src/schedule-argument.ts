import type { ScheduleRef } from '@qcore/client'

/** How a schedule is named. */
export const scheduleHelp = 'its id, or its namespace and name: demo/cleanup'

/** A schedule by its id, or by namespace and name with a slash between. */
export function parseSchedule(text: string): ScheduleRef {
  const slash = text.indexOf('/')
  return slash === -1 ? text : { namespace: text.slice(0, slash), name: text.slice(slash + 1) }
}
