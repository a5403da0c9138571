import type { Executor } from '@qcore/database'

/** A schedule as it is stored, with what became of it. */
export interface ScheduleRow {
  id: string
  namespace: string
  name: string
  revision: number
  state: number
  definition: Buffer
  ruleSpec: string
  writer: string
  createdUs: number
  changedUs: number
  planRevision: number
  plannedUs: number
  planUs: number | null
  disabledReason: string
  /** The time of its next occurrence, and of the one that fired last. */
  nextUs: number | null
  lastUs: number | null
}

const columns = `
  schedule.id, schedule.namespace, schedule.name, schedule.revision, schedule.state, schedule.definition,
  schedule.rule_spec as "ruleSpec", schedule.writer, schedule.created_us as "createdUs", schedule.changed_us as "changedUs",
  schedule.plan_revision as "planRevision", schedule.planned_us as "plannedUs", schedule.plan_us as "planUs",
  schedule.disabled_reason as "disabledReason",
  (select min(nominal_us) from occurrence where schedule_id = schedule.id and ended_us is null) as "nextUs",
  (select nominal_us from occurrence where schedule_id = schedule.id and attempts > 0 order by nominal_us desc limit 1)
    as "lastUs"`

/** A schedule by its id, also a deleted one, or by namespace and name. */
export async function loadSchedule(
  executor: Executor,
  { id, namespace, name }: { id: string; namespace: string; name: string },
): Promise<ScheduleRow | undefined> {
  const { rows } = await executor.query<ScheduleRow>(
    id === ''
      ? {
          name: 'load_schedule_by_name',
          text: `select ${columns} from schedule where namespace = $1 and name = $2 and name <> '' and state <> 4`,
          values: [namespace, name],
        }
      : { name: 'load_schedule', text: `select ${columns} from schedule where id = $1`, values: [id] },
  )
  return rows[0]
}

export interface ScheduleFilter {
  readonly namespace: string | undefined
  /** Only of these; undefined: of all. */
  readonly namespaces: readonly string[] | undefined
  /** Only with one of these; undefined: all. */
  readonly visibleTags: readonly string[] | undefined
  readonly tags: readonly string[]
  readonly matchAllTags: boolean
  /** As stored; undefined: any but deleted. */
  readonly state: number | undefined
  readonly isDisabled: boolean | undefined
  readonly isEnded: boolean | undefined
  readonly after: { readonly createdUs: number; readonly id: string } | undefined
  readonly limit: number
}

/** Schedules, the newest first. */
export async function listSchedules(executor: Executor, filter: ScheduleFilter): Promise<ScheduleRow[]> {
  const values: unknown[] = []
  const parameter = (value: unknown): string => `$${values.push(value)}`
  const { namespace, namespaces, visibleTags, tags, matchAllTags, state, isDisabled, isEnded, after, limit } = filter
  const isOver = `(schedule.plan_us is null and not exists (
    select from occurrence where schedule_id = schedule.id and ended_us is null))`
  const conditions = [
    state === undefined ? 'schedule.state <> 4' : `schedule.state = ${parameter(state)}`,
    ...(namespace === undefined ? [] : [`schedule.namespace = ${parameter(namespace)}`]),
    ...(namespaces === undefined ? [] : [`schedule.namespace = any(${parameter(namespaces)}::text[])`]),
    ...(visibleTags === undefined ? [] : [`schedule.tags ?| ${parameter(visibleTags)}::text[]`]),
    ...(tags.length === 0 ? [] : [`schedule.tags ${matchAllTags ? '?&' : '?|'} ${parameter(tags)}::text[]`]),
    ...(isDisabled === undefined ? [] : [`(schedule.disabled_reason <> '') = ${parameter(isDisabled)}`]),
    ...(isEnded === undefined ? [] : [`${isOver} = ${parameter(isEnded)}`]),
    ...(after === undefined
      ? []
      : [`(schedule.created_us, schedule.id) < (${parameter(after.createdUs)}, ${parameter(after.id)})`]),
  ]
  const { rows } = await executor.query<ScheduleRow>(
    `select ${columns} from schedule where ${conditions.join(' and ')}
     order by schedule.created_us desc, schedule.id desc limit ${parameter(limit)}`,
    values,
  )
  return rows
}
