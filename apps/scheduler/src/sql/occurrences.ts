import type { AttemptOutcome } from '@qcore/contracts'
import type { Executor } from '@qcore/database'
import { nowUs } from './clock.ts'
import type { Deed, Doer } from './deed.ts'
import { occurrenceColumns, type OccurrenceRow } from './occurrence-row.ts'

/** One try of an action, as it is stored. */
export interface AttemptRow {
  number: number
  scheduler: string
  startedUs: number
  endedUs: number | null
  outcome: AttemptOutcome
  statusCode: number
  result: string
  error: string
}

/** An occurrence by its id. */
export async function loadOccurrence(executor: Executor, id: string): Promise<OccurrenceRow | undefined> {
  const { rows } = await executor.query<OccurrenceRow>({
    name: 'load_occurrence',
    text: `select ${occurrenceColumns('occurrence')} from occurrence where id = $1`,
    values: [id],
  })
  return rows[0]
}

/** The occurrence of a time, or the one that stands for it with others. */
export async function loadOccurrenceAt(
  executor: Executor,
  scheduleId: string,
  nominalUs: number,
): Promise<OccurrenceRow | undefined> {
  const { rows } = await executor.query<OccurrenceRow>({
    name: 'load_occurrence_at',
    text: `
      select ${occurrenceColumns('occurrence')} from occurrence
      where schedule_id = $1 and nominal_us <= $2 and last_nominal_us >= $2 order by nominal_us desc limit 1`,
    values: [scheduleId, nominalUs],
  })
  return rows[0]
}

/** The attempts of an occurrence, the newest 100 of them, in order. */
export async function loadAttempts(executor: Executor, occurrenceId: string): Promise<AttemptRow[]> {
  const { rows } = await executor.query<AttemptRow>({
    name: 'load_attempts',
    text: `
      select number, scheduler, started_us as "startedUs", ended_us as "endedUs", outcome, status_code as "statusCode",
        result, error
      from occurrence_attempt where occurrence_id = $1 order by number desc limit 100`,
    values: [occurrenceId],
  })
  return rows.reverse()
}

export interface OccurrenceFilter {
  readonly scheduleId: string | undefined
  readonly tags: readonly string[]
  readonly matchAllTags: boolean
  readonly states: readonly number[]
  readonly fromUs: number | undefined
  readonly toUs: number | undefined
  readonly includeDeleted: boolean
  /** Only of schedules of these namespaces; undefined: of all. */
  readonly namespaces: readonly string[] | undefined
  /** Only of schedules with one of these tags; undefined: of all. */
  readonly visibleTags: readonly string[] | undefined
  /** Only of schedules of this one; undefined: of all. */
  readonly namespace: string | undefined
  /** Only of schedules that have one of these tags too; none: of all. */
  readonly anyTags: readonly string[]
}

/** Which of the occurrences. */
export interface OccurrencePage {
  readonly after: { readonly nominalUs: number; readonly id: string } | undefined
  readonly skip: number
  readonly limit: number
}

/** Occurrences, the newest time first. */
export async function listOccurrences(
  executor: Executor,
  filter: OccurrenceFilter,
  { after, skip, limit }: OccurrencePage,
): Promise<OccurrenceRow[]> {
  const values: unknown[] = []
  const parameter = (value: unknown): string => `$${values.push(value)}`
  const conditions = [
    ...conditionsOf(filter, parameter),
    ...(after === undefined
      ? []
      : [`(occurrence.nominal_us, occurrence.id) < (${parameter(after.nominalUs)}, ${parameter(after.id)})`]),
  ]
  const { rows } = await executor.query<OccurrenceRow>(
    `select ${occurrenceColumns('occurrence')} from occurrence where ${conditions.join(' and ')}
     order by occurrence.nominal_us desc, occurrence.id desc limit ${parameter(limit)} offset ${parameter(skip)}`,
    values,
  )
  return rows
}

/** How many occurrences fit. */
export async function countOccurrences(executor: Executor, filter: OccurrenceFilter): Promise<number> {
  const values: unknown[] = []
  const conditions = conditionsOf(filter, (value) => `$${values.push(value)}`)
  const { rows } = await executor.query<{ count: number }>(
    `select count(*) as count from occurrence where ${conditions.join(' and ')}`,
    values,
  )
  return rows[0]?.count ?? 0
}

function conditionsOf(filter: OccurrenceFilter, parameter: (value: unknown) => string): string[] {
  const { scheduleId, tags, matchAllTags, states, fromUs, toUs, includeDeleted, namespaces, namespace, anyTags } =
    filter
  const { visibleTags } = filter
  const ofSchedule = [
    ...(includeDeleted ? [] : ['schedule.state <> 4']),
    ...(namespaces === undefined ? [] : [`schedule.namespace = any(${parameter(namespaces)}::text[])`]),
    ...(namespace === undefined ? [] : [`schedule.namespace = ${parameter(namespace)}`]),
    ...(visibleTags === undefined ? [] : [`schedule.tags ?| ${parameter(visibleTags)}::text[]`]),
    ...(tags.length === 0 ? [] : [`schedule.tags ${matchAllTags ? '?&' : '?|'} ${parameter(tags)}::text[]`]),
    ...(anyTags.length === 0 ? [] : [`schedule.tags ?| ${parameter(anyTags)}::text[]`]),
  ]
  return [
    'true',
    ...(scheduleId === undefined ? [] : [`occurrence.schedule_id = ${parameter(scheduleId)}`]),
    ...(states.length === 0 ? [] : [`occurrence.state = any(${parameter(states)}::int[])`]),
    ...(fromUs === undefined ? [] : [`occurrence.nominal_us >= ${parameter(fromUs)}`]),
    ...(toUs === undefined ? [] : [`occurrence.nominal_us < ${parameter(toUs)}`]),
    ...(ofSchedule.length === 0
      ? []
      : [`exists (select from schedule where schedule.id = occurrence.schedule_id and ${ofSchedule.join(' and ')})`]),
  ]
}

/** Moments that are taken already are unlikely, several in a row even more so. */
const mostMoments = 10

interface ManualOccurrence {
  readonly id: string
  readonly scheduleId: string
  readonly scheduleRevision: number
}

/**
 * Adds an occurrence that somebody asked for, due at once, and notes who did. One that has the id already is returned as it
 * is.
 */
export async function addManualOccurrence(
  executor: Executor,
  wanted: ManualOccurrence,
  doer: Doer,
): Promise<OccurrenceRow | undefined> {
  for (let moments = 1; ; moments++) {
    await insertManualOccurrence(executor, wanted, doer)
    const row = await loadOccurrence(executor, wanted.id)
    // Another occurrence of the schedule has the very microsecond: the next one will do.
    if (row !== undefined || moments === mostMoments) return row
  }
}

async function insertManualOccurrence(
  executor: Executor,
  { id, scheduleId, scheduleRevision }: ManualOccurrence,
  { subject, tokenId }: Doer,
): Promise<void> {
  await executor.query({
    name: 'add_manual_occurrence',
    text: `
      with added as (
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
        select $1, $2, us, us, us, us, 1, 4, $3, us from (select ${nowUs} as us) as present
        on conflict do nothing
        returning id)
      insert into audit (subject, token_id, action, target, detail)
      select $4::text, $5::text, 'schedule.run', $2, jsonb_build_object('occurrence', added.id) from added`,
    values: [id, scheduleId, scheduleRevision, subject, tokenId],
  })
}

/** An occurrence of the rule that gets a row, or another one, before its time. */
export interface OccurrenceEdit {
  readonly id: string
  readonly scheduleId: string
  readonly scheduleRevision: number
  readonly nominalUs: number
  /** When it is to fire. */
  readonly dueUs: number
  /** Pending, or cancelled. */
  readonly state: number
  readonly reason: string
}

/** Cancels or moves an occurrence that has not begun, and notes who did. Undefined: it is over or under way. */
export async function editOccurrence(
  executor: Executor,
  edit: OccurrenceEdit,
  { subject, tokenId, action, detail }: Doer & Deed,
): Promise<OccurrenceRow | undefined> {
  const { rows } = await executor.query<OccurrenceRow>({
    name: 'edit_occurrence',
    text: `
      with present as materialized (select ${nowUs} as us),
      edited as (
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, reason, schedule_revision, created_us,
          ended_us)
        select $1, $2, $3, $3, $4, $4, $5::int, 1, $6, $7, us, case when $5::int < 4 then null else us end from present
        on conflict (schedule_id, nominal_us) do update set
          due_us = excluded.due_us, wake_us = excluded.wake_us, state = excluded.state, reason = excluded.reason,
          claim = null, ended_us = excluded.ended_us
        where occurrence.state in (1, 2) and occurrence.attempts = 0
        returning *),
      noted as (
        insert into audit (subject, token_id, action, target, detail)
        select $8::text, $9::text, $10::text, $2, $11::jsonb || jsonb_build_object('occurrence', edited.id) from edited)
      select ${occurrenceColumns('edited')} from edited`,
    values: [
      edit.id,
      edit.scheduleId,
      edit.nominalUs,
      edit.dueUs,
      edit.state,
      edit.reason,
      edit.scheduleRevision,
      subject,
      tokenId,
      action,
      JSON.stringify(detail),
    ],
  })
  return rows[0]
}
