import type { Executor } from '../pool.ts'

/** A schedule, deleted or not, as the writer needs it. */
export interface StoredSchedule {
  id: string
  namespace: string
  name: string
  revision: number
  state: number
  definition: Buffer
  ruleSpec: string
  secret: Buffer | null
  createdUs: number
  planRevision: number
  plannedUs: number
  disabledReason: string
  /** Whether parts of it are what fields hold. */
  isBound: boolean
  /** Whether its occurrences may begin as soon as they are claimed: they call nobody, and mind no others of it. */
  beginsFreely: boolean
}

/** Schedules by their ids, and those that are not deleted by namespace and name. */
export async function loadSchedules(
  executor: Executor,
  ids: readonly string[],
  names: readonly { namespace: string; name: string }[],
): Promise<StoredSchedule[]> {
  const { rows } = await executor.query<StoredSchedule>({
    name: 'load_schedules',
    text: `
      select id, namespace, name, revision, state, definition, rule_spec as "ruleSpec", secret, created_us as "createdUs",
        plan_revision as "planRevision", planned_us as "plannedUs", disabled_reason as "disabledReason",
        is_bound as "isBound", begins_freely as "beginsFreely"
      from schedule where id = any($1::text[])
      union all
      select id, schedule.namespace, schedule.name, revision, state, definition, rule_spec, secret, created_us, plan_revision,
        planned_us, disabled_reason, is_bound, begins_freely
      from schedule, unnest($2::text[], $3::text[]) as wanted (namespace, name)
      where schedule.namespace = wanted.namespace and schedule.name = wanted.name and state <> 4
        and not id = any($1::text[])`,
    values: [ids, names.map(({ namespace }) => namespace), names.map(({ name }) => name)],
  })
  return rows
}

/** The schedules that depend on fields. */
export async function loadBoundSchedules(executor: Executor): Promise<Pick<StoredSchedule, 'id' | 'definition'>[]> {
  const { rows } = await executor.query<Pick<StoredSchedule, 'id' | 'definition'>>({
    name: 'load_bound_schedules',
    text: 'select id, definition from schedule where is_bound and state <> 4',
  })
  return rows
}
