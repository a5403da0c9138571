import fc from 'fast-check'
import { joined, type Condition, type Literal, type Query } from '../src/index.ts'

const name = fc.constantFrom('A', 'b_1', 'Status', 'Parent', 'Order', 'select', 'In', 'NaN', 'Timestamp')
const path = fc
  .tuple(fc.array(fc.tuple(name, fc.option(fc.nat(20), { nil: undefined })), { maxLength: 3 }), name)
  .map(([steps, end]) =>
    [...steps.flatMap(([step, index]) => (index === undefined ? [step] : [step, `${index}`])), end].join('->'),
  )

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom("it''s", "'", '"', '', "x' OR '1'='1"),
)

const literal: fc.Arbitrary<Literal> = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.double(),
  text,
  fc.boolean(),
  fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }).map((micros): Literal => ({ micros })),
)

const tests: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({
    kind: fc.constant('compare' as const),
    path,
    sign: fc.constantFrom('=' as const, '!=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const),
    value: literal,
  }),
  fc.record({ kind: fc.constant('in' as const), path, values: fc.array(literal, { minLength: 1, maxLength: 4 }) }),
  fc.record({ kind: fc.constantFrom('contains' as const, 'starts_with' as const), path, text }),
  fc.record({ kind: fc.constant('exists' as const), path }),
)

const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tests,
    fc
      .tuple(
        fc.constantFrom('all' as const, 'any' as const),
        fc.array(tie('condition'), { minLength: 1, maxLength: 3 }),
      )
      .map(([kind, conditions]) => joined(kind, conditions)),
    tie('condition').map((condition): Condition => ({ kind: 'not', condition })),
  ),
}))

const listing: fc.Arbitrary<Query> = fc.record({
  type: name,
  select: fc.oneof(fc.array(path, { maxLength: 4 }), fc.constant(['*'])),
  where: fc.option(condition, { nil: undefined }),
  order: fc.array(fc.record({ path, descending: fc.boolean() }), { maxLength: 3 }),
  limit: fc.nat(1_000),
  count: fc.constant(false),
})

/** Any query, whatever the schemas. */
export const anyQuery: fc.Arbitrary<Query> = fc.oneof(
  { arbitrary: listing, weight: 5 },
  { arbitrary: listing.map((query) => ({ ...query, select: [], order: [], limit: 0, count: true })), weight: 1 },
)
