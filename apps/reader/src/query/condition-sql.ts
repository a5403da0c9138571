import { sql, type SQL } from './sql.ts'
import { ValueType } from '@qcore/contracts'
import type { CheckedCondition, CheckedEnd, CheckedPath, CheckedTest } from '@qcore/query'
import { all, any, fieldKind, keyColumn, within } from './key-column.ts'
import { followPath, isOneOf, isOwn } from './path-sql.ts'
import { endKeys, hasKeys } from './test-keys.ts'

/**
 * That a condition holds of an entity; null counts as false. It reads single rows by primary key, and is written so that
 * PostgreSQL does not turn it into a join. The id must not be of a table named r, n, c, l, or s and a number.
 */
export function conditionSql(condition: CheckedCondition, entityId: SQL): SQL {
  switch (condition.kind) {
    case 'all':
      return sql`(${all(condition.conditions.map((part) => conditionSql(part, entityId)))})`
    case 'any':
      return any(condition.conditions.map((part) => conditionSql(part, entityId)))
    case 'not':
      return sql`(${conditionSql(condition.condition, entityId)} is not true)`
    default:
      return testSql(condition, entityId)
  }
}

function testSql(test: CheckedTest, entityId: SQL): SQL {
  const { from, lastId } = followPath(test.path, entityId)
  const ends = endTests(test, lastId)
  return sql`(select ${any(ends)} from ${from} limit 1)`
}

function endTests(test: CheckedTest, id: SQL): SQL[] {
  const keys = endKeys(test)
  if (keys !== undefined) {
    return keys.flatMap(({ end, intervals }) =>
      atEnd(test.path, end, id, {
        field: () => within(keyColumn(fieldKind(end.valueType), 'r'), intervals, fieldKind(end.valueType)),
        own: (column) => within(column, intervals, 'own'),
      }),
    )
  }
  if (test.kind === 'contains') return test.ends.flatMap((end) => containsTests(test.path, end, id, test.text))
  return test.ends.flatMap((end) => existsTests(test.path, end, id))
}

interface EndSql {
  /** What must hold of the row `r` of `field`. */
  readonly field: () => SQL
  /** What must hold of an entity's own name or parent. */
  readonly own: (column: SQL) => SQL
}

/** What must hold at an end: of the field's row, or of the entity itself. */
function atEnd(path: CheckedPath, { fields, own }: CheckedEnd, id: SQL, { field, own: ofOwn }: EndSql): SQL[] {
  const tests: SQL[] = []
  if (fields.length > 0) {
    const ids = fields.map((each) => each.id)
    tests.push(sql`(select ${field()} from field r where r.entity_id = ${id} and ${isOneOf('r.field_id', ids)})`)
  }
  if (own === 'Name' || own === 'Parent') {
    const column = sql.raw(own === 'Name' ? 'n.name' : 'n.parent_id')
    tests.push(sql`(select ${ofOwn(column)} from entity n where n.id = ${id} and ${isOwn(path, own, 'n.type')})`)
  }
  return tests
}

function containsTests(path: CheckedPath, end: CheckedEnd, id: SQL, text: string): SQL[] {
  const bytes = sql`${Buffer.from(text)}::bytea`
  if (end.valueType !== ValueType.ENTITY_LIST) {
    return atEnd(path, end, id, {
      field: () => sql`position(${bytes} in ${wholeText}) > 0`,
      own: (column) => sql`position(${bytes} in convert_to(${column}, 'UTF8')) > 0`,
    })
  }
  const tests: SQL[] = []
  if (end.fields.length > 0) {
    const ids = end.fields.map((each) => each.id)
    tests.push(sql`(select true from reference l
      where l.target_id = ${text}::text and l.entity_id = ${id} and ${isOneOf('l.field_id', ids)} limit 1)`)
  }
  if (end.own === 'Children') {
    tests.push(sql`(select true from entity c join entity n on n.id = c.parent_id
      where c.id = ${text}::text and c.parent_id = ${id} and ${isOwn(path, 'Children', 'n.type')} limit 1)`)
  }
  return tests
}

/** A key is cut after 1,024 bytes; longer texts are in the bytes of the Value, behind its tag and length. */
const wholeText = sql.raw(`case when octet_length(r.text_key) < 1024 then r.text_key
  else substring(r.value from case when octet_length(r.value) <= 129 then 3 when octet_length(r.value) <= 16386 then 4 else 5 end) end`)

function existsTests(path: CheckedPath, end: CheckedEnd, id: SQL): SQL[] {
  const isEmptyable = end.valueType === ValueType.ENTITY_REFERENCE || end.valueType === ValueType.ENTITY_LIST
  const tests = atEnd(path, end, id, {
    // An empty reference, and an empty list, is a tag and the length 0.
    field: () => (isEmptyable ? sql`octet_length(r.value) > 2` : sql`true`),
    own: (column) => (end.own === 'Parent' ? sql`${column} <> ''` : sql`true`),
  })
  if (end.own !== 'Children') return tests
  const children = sql`(select true from entity c where c.parent_id = ${id} limit 1)`
  return [...tests, sql`(select ${children} from entity n where n.id = ${id} and ${isOwn(path, 'Children', 'n.type')})`]
}

/** The key of an entity at the end of a path; null where the path leads nowhere. All ends are of one type of values. */
export function keySql(path: CheckedPath, entityId: SQL): SQL {
  const { from, lastId } = followPath(path, entityId)
  const [end] = path.ends
  if (end === undefined || !hasKeys(end.valueType)) throw new Error(`${path.text} has no key`)
  const kind = fieldKind(end.valueType)
  const keys = atEnd(path, end, lastId, {
    field: () => keyColumn(kind, 'r'),
    // Of the kind of the fields that the path may end in as well.
    own: (column) => sql`convert_to(${column}, 'UTF8')`,
  })
  return sql`(select coalesce(${sql.join(keys, ', ')}) from ${from} limit 1)`
}
