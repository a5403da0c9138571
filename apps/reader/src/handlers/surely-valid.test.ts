import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { FindEntitiesRequestSchema, ReadFieldsRequestSchema, type ValueSchema } from '@qcore/contracts'
import { createMessageCheck } from '@qcore/transport'
import { array, assert, constantFrom, oneof, property, record, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSurelyValid } from './surely-valid.ts'

/** Throws if a message breaks a rule of its proto. */
const check = createMessageCheck()

const id = oneof(constantFrom('a', 'A_b-9', '', 'a b', 'é', 'x'.repeat(64), 'x'.repeat(65), 'a\n'), string())
const name = oneof(constantFrom('a', 'A_9', '', '9', 'A->B', 'x'.repeat(63), 'x'.repeat(64), 'A\n'), string())
const path = oneof(constantFrom('a', 'A->B', '', 'x'.repeat(1_024), 'x'.repeat(1_025)), string())
const consistency = constantFrom(
  {},
  { consistency: {} },
  { consistency: { demand: { case: 'latest', value: true } } } as const,
  { consistency: { demand: { case: 'atLeastRevision', value: 7n } } } as const,
  { consistency: { demand: { case: 'asOfRevision', value: 7n } } } as const,
)
const value = constantFrom<{ value?: MessageInitShape<typeof ValueSchema> }>(
  {},
  { value: { kind: { case: undefined } } } as const,
  { value: { kind: { case: 'int', value: 1n } } } as const,
  { value: { kind: { case: 'string', value: '€'.repeat(90_000) } } } as const,
  { value: { kind: { case: 'string', value: 'text' } } } as const,
  { value: { kind: { case: 'choice', value: 'x'.repeat(200) } } } as const,
)
const filter = record({ field: name, comparison: constantFrom<number>(0, 1, 6, 7), given: value }).map(
  ({ given, ...rest }) => ({
    ...rest,
    ...given,
  }),
)
const plainFilter = { field: 'Level', comparison: 1, value: { kind: { case: 'int', value: 1n } } } as const

describe('a request that is surely valid', () => {
  it('keeps the rules of ReadFields', () => {
    let accepted = 0
    const sound = property(array(record({ entityId: id, path }), { maxLength: 3 }), consistency, (reads, demand) => {
      const message = create(ReadFieldsRequestSchema, { reads, ...demand })
      if (!isSurelyValid(message)) return
      accepted += 1
      check(ReadFieldsRequestSchema, message)
    })
    assert(sound, { numRuns: 2_000, examples: [[[{ entityId: 'a', path: 'A' }], {}]] })
    expect(accepted).toBeGreaterThan(0)
  })

  it('keeps the rules of FindEntities', () => {
    let accepted = 0
    const request = record({
      type: name,
      filters: array(filter, { maxLength: 2 }),
      order: constantFrom<{ order?: { field: string } }>({}, { order: { field: 'Level' } }, { order: { field: '' } }),
      limit: constantFrom<number>(0, 1_000, 1_001),
      cursor: constantFrom('', 'x'.repeat(2_048), 'x'.repeat(2_049)),
      select: array(name, { maxLength: 2 }),
      demand: consistency,
    })
    const sound = property(request, ({ order, demand, ...rest }) => {
      const given = { ...rest, ...order, ...demand } as MessageInitShape<typeof FindEntitiesRequestSchema>
      const message = create(FindEntitiesRequestSchema, given)
      if (!isSurelyValid(message)) return
      accepted += 1
      check(FindEntitiesRequestSchema, message)
    })
    const plain = { type: 'A', filters: [], order: {}, limit: 0, cursor: '', select: [], demand: {} }
    assert(sound, { numRuns: 3_000, examples: [[{ ...plain, filters: [plainFilter] }]] })
    expect(accepted).toBeGreaterThan(0)
  })

  it('has no more in a list than there may be', () => {
    const reads = Array.from({ length: 1_000 }, () => ({ entityId: 'a', path: 'A' }))
    expect(isSurelyValid(create(ReadFieldsRequestSchema, { reads }))).toBe(true)
    expect(isSurelyValid(create(ReadFieldsRequestSchema, { reads: [...reads, ...reads.slice(0, 1)] }))).toBe(false)
    expect(isSurelyValid(create(ReadFieldsRequestSchema, { reads: [] }))).toBe(false)
    const filters = Array.from({ length: 17 }, () => plainFilter)
    expect(isSurelyValid(create(FindEntitiesRequestSchema, { type: 'A', filters: filters.slice(1) }))).toBe(true)
    expect(isSurelyValid(create(FindEntitiesRequestSchema, { type: 'A', filters }))).toBe(false)
    const select = Array.from({ length: 65 }, () => 'A')
    expect(isSurelyValid(create(FindEntitiesRequestSchema, { type: 'A', select: select.slice(1) }))).toBe(true)
    expect(isSurelyValid(create(FindEntitiesRequestSchema, { type: 'A', select }))).toBe(false)
  })
})
