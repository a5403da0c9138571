import { sql, type SQL } from './sql.ts'
import { ValueType } from '@qcore/contracts'
import type { CheckedEnd, CheckedPath, CheckedTest, TypeSource } from '@qcore/query'
import { onlyKey, pointKeys, type Interval } from './interval.ts'
import { fieldKind, keyColumn, within } from './key-column.ts'
import { isOneOf, isOwn } from './path-sql.ts'
import type { Probe, ProbeContext, ProbePart } from './probe.ts'
import { endKeys } from './test-keys.ts'

/** From the entities where a path may end, step by step back to those where it begins. Undefined: no index leads there. */
export function pathProbe(test: CheckedTest, context: ProbeContext): Probe | undefined {
  const ends = endRows(test, context.types)
  if (ends === undefined || ends.length === 0) return undefined
  const { path } = test
  const parts: ProbePart[] = []
  const add = (rows: SQL, position: number): void => {
    const name = position === 0 ? context.name : `${context.name}_s${position}`
    parts.push({ name, rows: sql`select distinct id from (${rows}) a ${context.limit}` })
  }
  const union = sql.join(
    ends.map((rows) => sql`(${rows} ${context.limit})`),
    ' union all ',
  )
  add(path.steps.length === 0 ? ofType(union, context.type) : union, path.steps.length)
  for (let position = path.steps.length - 1; position >= 0; position--) {
    const after = parts.at(-1)?.name ?? ''
    add(stepBack(path, position, { after, type: context.type }), position)
  }
  return { rank: rankOf(test), parts }
}

/** Entities of all types have children. */
function ofType(rows: SQL, type: string): SQL {
  return sql`select b.id from (${rows}) b cross join lateral
    (select from entity e where e.id = b.id and e.type = ${type}::text offset 0) t`
}

/** From entities `after` to those from which a step of a path may lead there. */
export function stepBack(path: CheckedPath, position: number, { after, type }: { after: string; type: string }): SQL {
  const step = path.steps[position]
  if (step === undefined) throw new Error('the path has no such step')
  const from: SQL[] = []
  const fields = [...step.references, ...step.lists]
  if (fields.length > 0) {
    from.push(
      sql`select l.entity_id as id from reference l where l.target_id = p.id and ${isOneOf('l.field_id', fields)}`,
    )
  }
  if (step.isParent) {
    const isMeant = position === 0 ? sql`e.type = ${type}::text` : isOwn(path, step.name, 'e.type')
    from.push(sql`select e.id from entity e where e.parent_id = p.id and ${isMeant}`)
  }
  return sql`select x.id from ${sql.raw(after)} p cross join lateral (${sql.join(from, ' union all ')}) x`
}

/** Where the path may end; undefined if an end has no index for it. */
function endRows(test: CheckedTest, types: TypeSource): SQL[] | undefined {
  if (test.kind === 'contains') {
    const rows = test.ends.map((end) => containsRows(test.path, end, test.text))
    return rows.every((each) => each !== undefined) ? rows.flat() : undefined
  }
  const rows = endKeys(test)?.map(({ end, intervals }) => keyRowsOf(test.path, end, intervals, types))
  return rows?.every((each) => each !== undefined) === true ? rows.flat() : undefined
}

function keyRowsOf(
  path: CheckedPath,
  { fields, own, valueType }: CheckedEnd,
  intervals: readonly Interval[],
  types: TypeSource,
): SQL[] | undefined {
  const isPoints = pointKeys(intervals) !== undefined
  if (intervals.length > 1 && !isPoints) return undefined
  const rows: SQL[] = []
  if (fields.length > 0) {
    const kind = fieldKind(valueType)
    const ids = fields.map(({ id }) => id)
    rows.push(sql`select r.entity_id as id from field r
      where ${isOneOf('r.field_id', ids)} and ${within(keyColumn(kind, 'r'), intervals, kind)}`)
  }
  if (own === 'Parent') {
    if (!isPoints) return undefined
    rows.push(sql`select e.id from entity e
      where ${within(sql.raw('e.parent_id'), intervals, 'own')} and ${isOwn(path, own, 'e.type')}`)
  }
  if (own === 'Name') {
    const known = new Set(path.typesWith.get(own))
    const meant = types.names.filter((name) => !known.has(name))
    rows.push(sql`select e.id from entity e
      where e.type = any(${meant}::text[]) and ${within(sql.raw('e.name'), intervals, 'own')}`)
  }
  return rows
}

/** Of texts there is no index that tells what they contain. */
function containsRows(path: CheckedPath, { fields, own, valueType }: CheckedEnd, text: string): SQL[] | undefined {
  if (valueType !== ValueType.ENTITY_LIST) return undefined
  const rows: SQL[] = []
  if (fields.length > 0) {
    const ids = fields.map(({ id }) => id)
    rows.push(sql`select l.entity_id as id from reference l
      where l.target_id = ${text}::text and ${isOneOf('l.field_id', ids)}`)
  }
  if (own === 'Children') {
    rows.push(sql`select c.parent_id as id from entity c join entity e on e.id = c.parent_id
      where c.id = ${text}::text and ${isOwn(path, own, 'e.type')}`)
  }
  return rows
}

function rankOf(test: CheckedTest): number {
  if (test.kind === 'contains') return 0.6
  const keys = endKeys(test) ?? []
  if (keys.every(({ intervals }) => onlyKey(intervals) !== undefined)) return 0.5
  return keys.every(({ intervals }) => pointKeys(intervals) !== undefined) ? 2.6 : 4.5
}
