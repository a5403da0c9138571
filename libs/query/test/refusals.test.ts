import { create } from '@bufbuild/protobuf'
import { FieldDefinitionSchema, TypeSchemaSchema, ValueType } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { completeSchema, typeModelFromSchema, type TypeModel } from '@qcore/model'
import { expect, test } from 'vitest'
import { checkQuery, parseQuery, query, queryLimits, type TypeSource } from '../src/index.ts'

function failureOf(run: () => unknown): QError {
  try {
    run()
  } catch (error) {
    if (error instanceof QError) return error
    throw error
  }
  throw new Error('it was not refused')
}

test.each([
  ['', '1:1', 'FROM'],
  ['SELECT A', '1:9', 'FROM'],
  ['SELECT A, FROM B', '1:11', 'a field'],
  ['FROM', '1:5', 'the name of a type'],
  ['FROM Order', '1:6', 'the name of a type'],
  ['FROM D WHERE', '1:13', 'a condition'],
  ['FROM D WHERE A', '1:15', 'a comparison, IN, CONTAINS or STARTS WITH'],
  ['FROM D\nWHERE A = 1\n  AND B ==', '3:10', 'a value'],
  ['FROM D WHERE (A = 1', '1:20', ')'],
  ['FROM D WHERE A IN (1, 2', '1:24', ')'],
  ['FROM D WHERE A CONTAINS 5', '1:25', "a text in '…'"],
  ['FROM D WHERE A STARTS 5', '1:23', 'WITH'],
  ["FROM D WHERE A = 'x", '1:18', "' at the end of it"],
  ['FROM D WHERE A = §', '1:18', 'a name, a value or an operator'],
  ['FROM D LIMIT x', '1:14', 'a number of entities'],
  ['FROM D LIMIT 5 WHERE A = 1', '1:16', 'the end of the query'],
  ['FROM D WHERE A-> = 1', '1:18', 'a field or an index'],
  ['FROM D WHERE A = -x', '1:19', 'INFINITY'],
])('%j is refused at %s', (text, place, expected) => {
  const error = failureOf(() => parseQuery(text))
  expect(error.code).toBe('invalid_query')
  expect(`${error.metadata['line']}:${error.metadata['column']}`).toBe(place)
  expect(error.metadata['expected']).toBe(expected)
  expect(error.message).toContain(expected)
})

test('a name that is a word of the grammar is told how to be written', () => {
  expect(failureOf(() => parseQuery('FROM Limit')).message).toContain('"Limit"')
  expect(parseQuery('FROM "Limit"').type).toBe('Limit')
})

const deep = (levels: number): string => `${'NOT '.repeat(levels)}A = 1`
const many = (count: number): string => Array.from({ length: count }, () => 'A = 1').join(' OR ')

test.each([
  [`FROM D WHERE ${deep(queryLimits.depth)}`, 'invalid_query'],
  [`FROM D WHERE ${'('.repeat(5_000)}`, 'invalid_query'],
  [`FROM D WHERE ${many(queryLimits.conditions)}`, 'invalid_query'],
  [`FROM D WHERE A IN (${'1, '.repeat(queryLimits.values)}1)`, 'invalid_query'],
  [`FROM D ORDER BY ${'A, '.repeat(queryLimits.order)}A`, 'invalid_query'],
  [`SELECT ${'A, '.repeat(queryLimits.select)}A FROM D`, 'invalid_query'],
  [`FROM D WHERE A = ${' '.repeat(queryLimits.textLength)}1`, 'invalid_query'],
  [`SELECT COUNT(*) FROM D ORDER BY A`, 'invalid_query'],
  [`SELECT COUNT(*) FROM D LIMIT 5`, 'invalid_query'],
  ['FROM D LIMIT 0', 'invalid_query'],
  [`FROM D WHERE A = ${2n ** 63n}`, 'value_out_of_range'],
  [`FROM D WHERE A = '${'x'.repeat(1_024)}'`, 'value_out_of_range'],
  [`FROM D WHERE A = TIMESTAMP 'yesterday'`, 'value_out_of_range'],
  [`FROM D WHERE A = TIMESTAMP '0000-01-01T00:00:00Z'`, 'value_out_of_range'],
  [`FROM D WHERE A->B->C->D->E->F->G->H->I = 1`, 'invalid_path'],
  [`FROM D WHERE "A b" = 1`, 'invalid_path'],
  [`FROM D WHERE A->0->1->B = 1`, 'invalid_path'],
  [`FROM D WHERE A->0 = 1`, 'invalid_path'],
] as const)('a query beyond a limit is refused: %#', (text, code) => {
  expect(failureOf(() => parseQuery(text)).code).toBe(code)
})

test('the greatest query that is allowed is read', () => {
  expect(() => parseQuery(`FROM D WHERE ${deep(queryLimits.depth - 1)}`)).not.toThrow()
  expect(() => parseQuery(`FROM D WHERE ${many(queryLimits.conditions - 1)}`)).not.toThrow()
})

test('the builder refuses what is no query', () => {
  expect(failureOf(() => query('D').where({}).build()).code).toBe('invalid_query')
  expect(failureOf(() => query('D').where({ A: '\ud800' }).build()).code).toBe('value_out_of_range')
  expect(
    failureOf(() =>
      query('D')
        .where({ A: new Date(Number.NaN) })
        .build(),
    ).code,
  ).toBe('value_out_of_range')
  expect(failureOf(() => query('D').select('*', 'A').build()).code).toBe('invalid_query')
})

function typesOf(schemas: Record<string, Record<string, ValueType>>, unindexed: readonly string[] = []): TypeSource {
  let nextFieldId = 1
  const models = new Map<string, TypeModel>()
  for (const [type, fields] of Object.entries(schemas)) {
    const request = create(TypeSchemaSchema, {
      type,
      fields: Object.entries(fields).map(([name, valueType]) =>
        create(FieldDefinitionSchema, {
          name,
          valueType,
          unindexed: unindexed.includes(name),
          choices: valueType === ValueType.CHOICE ? ['ON', 'OFF'] : [],
        }),
      ),
    })
    models.set(type, typeModelFromSchema(completeSchema(request, { previous: undefined, nextFieldId, path: 'schema' })))
    nextFieldId += request.fields.length
  }
  return { get: (name) => models.get(name), names: [...models.keys()].sort() }
}

const types = typesOf(
  {
    Device: {
      Status: ValueType.CHOICE,
      Level: ValueType.INT,
      Weight: ValueType.FLOAT,
      Label: ValueType.STRING,
      On: ValueType.BOOL,
      Seen: ValueType.TIMESTAMP,
      Owner: ValueType.ENTITY_REFERENCE,
      Items: ValueType.ENTITY_LIST,
      Photo: ValueType.BINARY_FILE,
      Raw: ValueType.INT,
    },
    Person: { Level: ValueType.STRING, Mixed: ValueType.INT },
    Robot: { Mixed: ValueType.FLOAT },
  },
  ['Raw'],
)

test.each([
  ['FROM Nothing', 'unknown_type', 'type'],
  ['FROM Device WHERE Missing = 1', 'unknown_field', 'where.compare.path'],
  [
    'FROM Device WHERE Level = 1 AND NOT (Missing = 1 OR Level = 2)',
    'unknown_field',
    'where.all[1].not.any[0].compare.path',
  ],
  ['SELECT Label, Missing FROM Device', 'unknown_field', 'select[1]'],
  ['FROM Device ORDER BY Level, Missing', 'unknown_field', 'order[1].path'],
  ['FROM Device WHERE Owner->Missing = 1', 'unknown_field', 'where.compare.path'],
  ['FROM Device WHERE Missing->Level = 1', 'unknown_field', 'where.compare.path'],
  ['FROM Device WHERE Level->Label = 1', 'invalid_path', 'where.compare.path'],
  ['FROM Device WHERE Items->Label = 1', 'invalid_path', 'where.compare.path'],
  ['FROM Device WHERE Owner->0->Label = 1', 'invalid_path', 'where.compare.path'],
  [`FROM Device WHERE Level = 'x'`, 'type_mismatch', 'where.compare.value'],
  ['FROM Device WHERE Level = 1.5', 'type_mismatch', 'where.compare.value'],
  ['FROM Device WHERE Label = 1', 'type_mismatch', 'where.compare.value'],
  ['FROM Device WHERE On = 1', 'type_mismatch', 'where.compare.value'],
  ['FROM Device WHERE Level IN (1, TRUE)', 'type_mismatch', 'where.in.values[1]'],
  ['FROM Device WHERE Owner->Level = TRUE', 'type_mismatch', 'where.compare.value'],
  [`FROM Device WHERE Items = 'x'`, 'type_mismatch', 'where.compare.value'],
  [`FROM Device WHERE Level CONTAINS 'x'`, 'type_mismatch', 'where.contains.path'],
  [`FROM Device WHERE Items STARTS WITH 'x'`, 'type_mismatch', 'where.starts_with.path'],
  ['FROM Device ORDER BY Items', 'type_mismatch', 'order[0].path'],
  ['FROM Device ORDER BY Owner->Mixed', 'type_mismatch', 'order[0].path'],
  [`FROM Device WHERE Status = 'on'`, 'unknown_choice', 'where.compare.value'],
  [`FROM Device WHERE Seen > 'yesterday'`, 'value_out_of_range', 'where.compare.value'],
  ['FROM Device WHERE Raw = 1', 'unindexed_field', 'where.compare.path'],
  ['FROM Device WHERE Owner->Raw = 1', 'unindexed_field', 'where.compare.path'],
  ['FROM Device ORDER BY Raw', 'unindexed_field', 'order[0].path'],
] as const)('%s is %s', (text, code, field) => {
  expect(failureOf(() => checkQuery(parseQuery(text), types))).toMatchObject({ code, field })
})

test.each([
  'SELECT * FROM Device',
  `FROM Device WHERE Weight >= 5 AND Seen > '2026-01-01T00:00:00Z' AND Owner = NULL AND Status STARTS WITH 'O'`,
  `FROM Device WHERE Owner->Level = 5 OR Owner->Level = 'high' OR Parent->Name = 'x' OR Items->3->Owner->Level = 2`,
  `FROM Device WHERE EXISTS Photo AND EXISTS Children AND Items CONTAINS 'x' ORDER BY Name, Parent->Name, Owner->Weight DESC`,
])('%s fits the schemas', (text) => {
  expect(() => checkQuery(parseQuery(text), types)).not.toThrow()
})
