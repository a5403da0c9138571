import { sql, type SQL } from './sql.ts'
import type { FieldModel, TypeModel } from '@qcore/model'
import type { CheckedPath, OwnName, TypeSource } from '@qcore/query'
import { followPath, isOneOf, isOwn, notOfTypes } from './path-sql.ts'

/** Where a column of the answer comes from. */
export type Column = OwnColumn | PathColumn

/** A field of the entity itself, or its name, parent or children. */
export type OwnColumn =
  { readonly kind: 'field'; readonly field: FieldModel } | { readonly kind: 'own'; readonly name: OwnName }

/** Something at the end of a path with steps. */
export interface PathColumn {
  readonly kind: 'path'
  readonly path: CheckedPath
}

export function columnOf(path: CheckedPath): Column {
  if (path.steps.length > 0) return { kind: 'path', path }
  const field = path.ends.find(({ fields }) => fields.length > 0)?.fields[0]
  if (field !== undefined) return { kind: 'field', field }
  const own = path.ends[0]?.own
  if (own === undefined) throw new Error(`${path.text} leads to nothing`)
  return { kind: 'own', name: own }
}

/** What is selected of the entity `page.entity_id`: columns, and where they come from. */
export interface SelectionSql {
  readonly columns: SQL
  readonly from: SQL
}

export function selectionSql(
  columns: readonly Column[],
  { type, types }: { type: TypeModel; types: TypeSource },
): SelectionSql {
  const fieldIds = [...new Set(columns.flatMap((column) => (column.kind === 'field' ? [column.field.id] : [])))]
  const parts: { column: string; from: SQL }[] = []
  if (fieldIds.length > 0) parts.push({ column: 'f.*', from: fieldRows(fieldIds) })
  if (columns.some((column) => column.kind === 'own' && column.name === 'Children')) {
    parts.push({ column: 'c.children', from: childRows(type, types) })
  }
  for (const [index, column] of columns.entries()) {
    if (column.kind !== 'path') continue
    const alias = `p${index}`
    parts.push({ column: `to_jsonb(${alias}) as "${alias}"`, from: pathRows(column.path, alias, types) })
  }
  return {
    columns: sql.raw(parts.map(({ column }) => `, ${column}`).join('')),
    from: sql.join(parts.map(({ from }) => from)),
  }
}

function fieldRows(fieldIds: readonly number[]): SQL {
  return sql.raw(` cross join lateral (
    select
      array_agg(field_id order by field_id) as "fieldIds",
      array_agg(value order by field_id) as values,
      array_agg(write_time_us order by field_id) as "writeTimesUs",
      array_agg(writer order by field_id) as writers,
      array_agg(revision order by field_id) as revisions
    from field where entity_id = page.entity_id and field_id in (${fieldIds.join(', ')})) f`)
}

function childRows({ hasOrderedChildren }: TypeModel, types: TypeSource): SQL {
  return sql` cross join lateral (
    select coalesce(array_agg(id order by ${sql.raw(hasOrderedChildren ? 'place' : 'name')}, id), '{}') as children
    from entity child where child.parent_id = page.entity_id ${notOfTypes(types.hidden)}) c`
}

/** What is at the end of a path: a row of `field`, or an entity's own; no row if it leads nowhere. */
function pathRows(path: CheckedPath, alias: string, types: TypeSource): SQL {
  const { from, lastId } = followPath(path, sql.raw('page.entity_id'))
  const fieldIds = path.ends.flatMap(({ fields }) => fields.map(({ id }) => id))
  const rows: SQL[] = []
  if (fieldIds.length > 0) {
    rows.push(sql`select r.entity_id as "entityId", r.field_id as "fieldId", r.value, r.write_time_us as "writeTimeUs", r.writer,
        r.revision, null::text as text, null::text[] as ids
      from field r where r.entity_id = ${lastId} and ${isOneOf('r.field_id', fieldIds)}`)
  }
  const own = path.ends.find((end) => end.own !== undefined)?.own
  if (own !== undefined) {
    const text = own === 'Children' ? 'null::text' : own === 'Name' ? 'e.name' : 'e.parent_id'
    const ids = own === 'Children' ? orderedChildren(types) : sql`null::text[]`
    rows.push(sql`select e.id as "entityId", null::int4 as "fieldId", null::bytea as value, null::int8 as "writeTimeUs",
        null::text as writer, ${sql.raw(own === 'Children' ? '0' : 'greatest(e.structure_revision, e.created_revision)')} as revision, ${sql.raw(text)} as text,
        ${ids} as ids
      from entity e where e.id = ${lastId} and ${isOwn(path, own, 'e.type')}`)
  }
  return sql` left join lateral (select found.* from ${from} cross join lateral (${sql.join(rows, ' union all ')}) found limit 1)
    ${sql.raw(alias)} on true`
}

/** The children of an entity `e` of any type, in their order. */
function orderedChildren(types: TypeSource): SQL {
  const ordered = types.names.filter((name) => types.get(name)?.hasOrderedChildren === true)
  const key =
    ordered.length === 0 ? sql`c.name` : sql`case when e.type = any(${ordered}::text[]) then c.place else c.name end`
  const visible = notOfTypes(types.hidden, 'c.type')
  return sql`(select coalesce(array_agg(c.id order by ${key}, c.id), '{}') from entity c where c.parent_id = e.id ${visible})`
}
