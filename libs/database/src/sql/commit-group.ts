import type { ArrayParameter } from '../array-parameter.ts'
import type { Executor } from '../pool.ts'
import type { GroupRows } from '../group-rows.ts'
import type { RowColumns } from '../row-columns.ts'

/** The unique key whose violation means that a commit with the same idempotency key is already in the store. */
export const requestKeyConstraint = 'request_pkey'

export interface GroupCommit {
  epoch: number
  /** The head as it must be. */
  fromRevision: number
  /** The head as it becomes. */
  toRevision: number
  rows: GroupRows
}

interface Part {
  /** As in `columnTypes`. */
  name: string
  rows: (rows: GroupRows) => RowColumns
  /** `from` is `advanced` and the rows `added`, which is empty for a deposed writer. */
  sql: (from: string) => string
  /** Instead of `sql`: the function that gets the arrays, if the head was advanced. */
  function?: string
}

/** What all events have. */
const eventTypes = 'bigint int bigint text text text text text text text text bigint'.split(' ')

const columnTypes: Readonly<Record<string, readonly string[]>> = {
  log: ['bigint', 'bigint', 'bytea'],
  field: ['text', 'int', 'bytea', 'bigint', 'text', 'bigint', 'bigint', 'double precision', 'bytea'],
  entity: ['text', 'text', 'text', 'text', 'int', 'bigint', 'text', 'bigint'],
  changed: ['text', 'text', 'text', 'int', 'text', 'bigint'],
  former: ['text', 'text', 'text', 'text', 'text', 'bigint', 'bigint', 'bigint'],
  deleted: ['text'],
  tombstone: ['text', 'bigint', 'text', 'text', 'text', 'bigint', 'bigint', 'text'],
  reference: ['text', 'text', 'int'],
  unreference: ['text', 'text', 'int'],
  request: ['text', 'bigint', 'bytea', 'bytea'],
  config: ['text', 'text', 'bigint', 'bigint', 'bigint', 'text'],
  event: [...eventTypes, 'bigint', 'int', 'bigint', 'bigint'],
  delayed: [...eventTypes, 'bigint'],
  released: ['bigint', 'int'],
  key: ['text', 'text', 'bigint', 'int', 'bigint'],
  schedule: [
    'text',
    'text',
    'text',
    'bigint',
    'int',
    'bytea',
    'text',
    'text',
    'bytea',
    'text',
    'bigint',
    'bigint',
    'bigint',
    'bigint',
    'bigint',
    'bigint',
    'text',
    'text',
    'int',
    'int',
  ],
  version: ['text', 'bigint', 'int', 'int', 'int', 'bytea', 'text', 'text', 'text', 'bigint'],
  withdrawn: ['text', 'int', 'text', 'bigint', 'bigint', 'bigint', 'int'],
  planned: ['text', 'text', 'bigint', 'bigint', 'bigint', 'bigint'],
  revived: ['text', 'bigint', 'bigint', 'bigint', 'bigint'],
}

const parts: readonly Part[] = [
  {
    name: 'log',
    rows: (rows) => rows.log,
    sql: (from) => `new_log as (insert into log (revision, committed_us, record) select added.* from ${from})`,
  },
  {
    name: 'field',
    rows: (rows) => rows.fields,
    sql: (from) => `
      new_field as (
        insert into field (
          entity_id, field_id, value, write_time_us, writer, revision, int_key, float_key, text_key)
        select added.* from ${from}
        on conflict (entity_id, field_id) do update set
          value = excluded.value, write_time_us = excluded.write_time_us, writer = excluded.writer,
          revision = excluded.revision, int_key = excluded.int_key, float_key = excluded.float_key,
          text_key = excluded.text_key)`,
  },
  {
    name: 'entity',
    rows: (rows) => rows.entities,
    sql: (from) => `
      new_entity as (
        insert into entity (id, type, name, parent_id, depth, created_revision, place, structure_revision)
        select added.* from ${from})`,
  },
  {
    name: 'changed',
    rows: (rows) => rows.changedEntities,
    sql: (from) => `
      changed as (select added.* from ${from}),
      changed_entity as (
        update entity set name = c2, parent_id = c3, depth = c4, place = c5, structure_revision = c6
        from changed where entity.id = c1)`,
  },
  {
    name: 'former',
    rows: (rows) => rows.formerPlaces,
    sql: (from) => `
      new_former_place as (
        insert into former_place (
          entity_id, type, parent_id, name, place, created_revision, since_revision, revision)
        select added.* from ${from})`,
  },
  {
    name: 'deleted',
    rows: (rows) => rows.deletedEntities,
    sql: (from) => `
      gone as (select added.* from ${from}),
      gone_entity as (delete from entity using gone where entity.id = gone.c1),
      gone_field as (delete from field using gone where field.entity_id = gone.c1)`,
  },
  {
    name: 'tombstone',
    rows: (rows) => rows.tombstones,
    sql: (from) => `
      new_tombstone as (
        insert into tombstone (
          entity_id, revision, type, name, parent_id, created_revision, structure_revision, place)
        select added.* from ${from})`,
  },
  {
    name: 'reference',
    rows: (rows) => rows.references,
    sql: (from) =>
      `new_reference as (insert into reference (target_id, entity_id, field_id) select added.* from ${from})`,
  },
  {
    name: 'unreference',
    rows: (rows) => rows.deletedReferences,
    sql: (from) => `
      unreferenced as (select added.* from ${from}),
      gone_reference as (
        delete from reference using unreferenced as u
        where reference.target_id = u.c1 and reference.entity_id = u.c2 and reference.field_id = u.c3)`,
  },
  {
    name: 'request',
    rows: (rows) => rows.requests,
    sql: (from) => `
      new_request as (insert into request (key, revision, fingerprint, response) select added.* from ${from})`,
  },
  {
    name: 'event',
    rows: (rows) => rows.events.emitted,
    sql: (from) => `
      new_event as (
        insert into event (
          revision, event_index, emitted_us, namespace, type, payload, producer, correlation_id, writer, order_key,
          attributes, expires_us, id_revision, id_index, accepted_us, due_us)
        select added.* from ${from})`,
  },
  {
    name: 'delayed',
    rows: (rows) => rows.events.delayed,
    sql: (from) => `
      new_delayed_event as (
        insert into delayed_event (
          revision, event_index, accepted_us, namespace, type, payload, producer, correlation_id, writer, order_key,
          attributes, expires_us, due_us)
        select added.* from ${from})`,
  },
  {
    name: 'released',
    rows: (rows) => rows.events.released,
    sql: (from) => `
      released as (select added.* from ${from}),
      gone_delayed_event as (
        delete from delayed_event using released where delayed_event.revision = c1 and event_index = c2)`,
  },
  {
    name: 'key',
    rows: (rows) => rows.events.keys,
    sql: (from) => `
      new_event_key as (
        insert into event_key (namespace, key, revision, event_index, expires_us) select added.* from ${from}
        on conflict (namespace, key) do update set
          revision = excluded.revision, event_index = excluded.event_index, expires_us = excluded.expires_us)`,
  },
  // Schedules before their occurrences: schedulers lock them in this order too. What was not planned of a rule that a
  // schedule has no more is left to them; one that the commit makes had none. With the limit PostgreSQL takes the index of the
  // schedules, however little it knows of the table.
  {
    name: 'schedule',
    rows: (rows) => rows.schedules,
    sql: (from) => `
      new_former_rule as (
        insert into former_rule (
          schedule_id, revision, definition, rule_spec, planned_us, until_us, idle_until_us, idle_reason)
        select former.id, former.revision, former.definition, former.rule_spec, former.planned_us, c12,
          case when former.state = 1 and former.disabled_reason = '' and c5 <> 4 then former.idle_until_us else c12 end,
          case when former.state = 2 then 'paused' when former.disabled_reason <> '' then 'disabled'
            when c5 = 4 then 'deleted' else former.idle_reason end
        from ${from} cross join lateral (select * from schedule where id = c1 limit 1) as former
        where c11 < c12 and former.planned_us < c12 and former.state <> 4
          and (c5 = 4 or c13 <> former.plan_revision and (c7 <> former.rule_spec or c14 > former.planned_us))),
      new_schedule as (
        insert into schedule (
          id, namespace, name, revision, state, definition, rule_spec, tags, secret, writer, created_us, changed_us,
          plan_revision, planned_us, plan_us, idle_until_us, idle_reason, disabled_reason, is_bound, begins_freely)
        select c1, c2, c3, c4, c5, c6, c7, c8::jsonb, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19 = 1, c20 = 1
        from ${from}
        on conflict (id) do update set
          namespace = excluded.namespace, name = excluded.name, revision = excluded.revision, state = excluded.state,
          definition = excluded.definition, rule_spec = excluded.rule_spec, tags = excluded.tags,
          secret = excluded.secret, writer = excluded.writer, changed_us = excluded.changed_us,
          plan_revision = excluded.plan_revision, failing_us = null, is_bound = excluded.is_bound,
          begins_freely = excluded.begins_freely,
          disabled_reason = case when excluded.disabled_reason <> '' then excluded.disabled_reason
            when excluded.plan_revision = schedule.plan_revision then schedule.disabled_reason else '' end,
          planned_us = case when excluded.plan_revision = schedule.plan_revision
            then schedule.planned_us else excluded.planned_us end,
          plan_us = case
            when excluded.state = 1 and excluded.disabled_reason = '' and excluded.plan_revision = schedule.plan_revision
            then schedule.plan_us else excluded.plan_us end,
          idle_until_us = case when excluded.plan_revision = schedule.plan_revision
            then schedule.idle_until_us else excluded.idle_until_us end,
          idle_reason = case when excluded.plan_revision = schedule.plan_revision
            then schedule.idle_reason else excluded.idle_reason end
        returning id)`,
  },
  {
    name: 'version',
    rows: (rows) => rows.scheduleVersions,
    sql: (from) => `
      new_schedule_version as (
        insert into schedule_version (
          schedule_id, revision, step, change, state, definition, rule_spec, disabled_reason, writer, changed_us)
        select added.* from ${from})`,
  },
  {
    name: 'withdrawn',
    rows: (rows) => rows.withdrawn,
    sql: (from) => `
      withdrawn as (select added.* from ${from}, (select count(*) from new_schedule) as stored),
      withdrawn_occurrence as (
        update occurrence set state = c2, reason = c3, ended_us = c4, claim = null
        from withdrawn
        where schedule_id = c1 and ended_us is null and state in (1, 2) and nominal_us > c5 and nominal_us <> c6 and (c7 = 1 or cause < 4)
        returning schedule_id)`,
  },
  {
    name: 'planned',
    rows: (rows) => rows.planned,
    sql: (from) => `
      new_occurrence as (
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
        select c1, c2, c3, c3, c4, c4, 1, 1, c5, c6 from ${from}, (select count(*) from new_schedule) as stored
        on conflict (schedule_id, nominal_us) do update set
          state = 1, cause = 1, reason = '', ended_us = null, claim = null, schedule_revision = excluded.schedule_revision,
          due_us = case when occurrence.reason = 'changed' then excluded.due_us else occurrence.due_us end,
          wake_us = case when occurrence.reason = 'changed' then excluded.wake_us else occurrence.due_us end
        where occurrence.reason in ('paused', 'changed', 'disabled') and occurrence.attempts = 0
          and occurrence.size = 1
          and (occurrence.reason = 'changed' or occurrence.due_us >= least(occurrence.nominal_us, excluded.created_us)))`,
  },
  // What a version paused or disabled is known by its time, what a scheduler disabled by the one that it left behind.
  {
    name: 'revived',
    rows: (rows) => rows.revived,
    sql: (from) => `
      revived as (
        select added.*, idle.since_us from ${from}, (select count(*) from new_schedule) as stored, lateral (
          select changed_us as since_us from schedule_version
          where schedule_id = c1 and (state = 2 or disabled_reason <> '') and revision >= c3
          union select idle_until_us from schedule where id = c1 and idle_reason = 'disabled') as idle),
      revived_occurrence as (
        update occurrence set
          state = 1, reason = '', wake_us = due_us, ended_us = null, claim = null, schedule_revision = c4
        from revived
        where schedule_id = c1 and ended_us = since_us and state = 6 and reason in ('paused', 'disabled') and attempts = 0
          and size = 1 and due_us > c2 and schedule_revision >= c3 and nominal_us <> c5)`,
  },
  {
    name: 'config',
    rows: (rows) => rows.config,
    sql: () => '',
    // Of the store of the configuration, which makes it.
    function: 'config_apply',
  },
]

/** A part of a statement, with the columns that are sent. */
interface SentPart {
  readonly part: Part
  readonly columns: readonly ArrayParameter[]
}

const statements = new Map<string, string>()

/**
 * Commits a group in one statement, that is in one round trip and one transaction. Returns whether it did: a writer
 * whose epoch has passed, or whose head is not the store's, changes nothing.
 */
export async function commitGroup(executor: Executor, group: GroupCommit): Promise<boolean> {
  const used = parts.filter((part) => part.rows(group.rows).length > 0)
  // PostgreSQL takes single values in much less time than arrays of one: the statement of a commit of one write.
  const isSingle = used.every((part) => part.function === undefined && part.rows(group.rows).length === 1)
  const sent = used.map((part): SentPart => ({ part, columns: sentColumns(part.rows(group.rows), part, isSingle) }))
  const name = `${isSingle ? 'commit_one' : 'commit'}_${sent.map(shapeOf).join('')}`
  let text = statements.get(name)
  if (text === undefined) statements.set(name, (text = statementOf(sent, isSingle)))
  const values: unknown[] = [group.epoch, group.fromRevision, group.toRevision]
  for (const { columns } of sent) {
    for (const column of columns) values.push(isSingle ? column.finishSingle() : column.finish())
  }
  const { rowCount } = await executor.query({ name, text, values })
  return rowCount === 1
}

/** PostgreSQL goes through each array apart. Those at the end that have no value in any row, as most have, are not sent. */
function sentColumns({ columns }: RowColumns, part: Part, isSingle: boolean): readonly ArrayParameter[] {
  if (isSingle || part.function !== undefined) return columns
  return columns.slice(0, columns.findLastIndex((column) => !column.isNull) + 1)
}

/** Two characters, for PostgreSQL tells statements apart by the first 63 of their names: which part, how many columns. */
function shapeOf({ part, columns }: SentPart): string {
  return parts.indexOf(part).toString(36) + columns.length.toString(36)
}

function statementOf(sent: readonly SentPart[], isSingle: boolean): string {
  let next = 4
  const clauses = ['advanced as (update head set revision = $3 where epoch = $1 and revision = $2 returning revision)']
  const from = ['advanced']
  for (const { part, columns } of sent) {
    const types = columnTypes[part.name] ?? []
    const parameters = columns.map((_, index) => `$${next++}::${types[index]}${isSingle ? '' : '[]'}`).join(', ')
    if (part.function === undefined) {
      const nulls = types.slice(columns.length).map((type) => `, null::${type}`)
      const rows = isSingle
        ? `values (${parameters})`
        : `select present.*${nulls.join('')} from unnest(${parameters}) as present`
      const names = types.map((_, index) => `c${index + 1}`).join(', ')
      clauses.push(part.sql(`advanced, (${rows}) as added (${names})`))
    } else {
      from.push(`lateral ${part.function}(advanced.revision, ${parameters})`)
    }
  }
  return `with ${clauses.join(',\n')} select advanced.revision from ${from.join(', ')}`
}
