import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { createValidator } from '@bufbuild/protovalidate'
import { CommitManyRequestSchema, CommitRequestSchema } from '@qcore/contracts'
import { array, assert, constant, constantFrom, oneof, property, record, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSurelyValid } from './surely-valid.ts'

const validator = createValidator()

const plainWrite = {
  entityId: 'a-1',
  field: 'Count',
  value: { kind: { case: 'int', value: 1n } },
} as const

const plainEvent = {
  namespace: 'demo',
  type: 'order.placed',
  payload: '{}',
  producer: 'api-1',
  correlationId: '',
  orderKey: '',
  dedupeKey: '',
  dedupeWindowMs: 0n,
  delivery: { case: undefined },
  expiry: { case: undefined },
  attributes: {},
} as const

const id = oneof(constantFrom('a', 'A_b-9', '', 'a b', 'é', 'x'.repeat(64), 'x'.repeat(65)), string())
const field = oneof(constantFrom('a', 'A_9', '', '9', 'A->B', 'x'.repeat(63), 'x'.repeat(64), 'A\n'), string())
const value = constantFrom(
  undefined,
  { kind: { case: undefined } } as const,
  { kind: { case: 'int', value: 1n } } as const,
  { kind: { case: 'string', value: '€'.repeat(90_000) } } as const,
  { kind: { case: 'string', value: 'text' } } as const,
  { kind: { case: 'choice', value: 'x'.repeat(200) } } as const,
)
const write = record({ entityId: id, field, value, option: constantFrom(0, 1, 2) })
const writing = write.map((given) => {
  const { value: given_, ...rest } = given
  const inner = given_ === undefined ? rest : { ...rest, value: given_ }
  return { kind: { case: 'writeField', value: inner } } as const
})
const name = oneof(constantFrom('', 'api-1', 'a b', 'é', 'x'.repeat(129)), string())
const event = record({
  namespace: oneof(constantFrom('demo', '', 'Demo', 'a'.repeat(64), 'demo\n'), string()),
  type: oneof(constantFrom('a', 'a.b', '', 'a..b', 'a\n', 'a'.repeat(129), `a${'.a'.repeat(16)}`), string()),
  payload: constantFrom('', '{}', '€'.repeat(90_000)),
  producer: name,
  correlationId: name,
  orderKey: name,
  dedupeKey: constantFrom('', 'a b'),
  dedupeWindowMs: constantFrom(0n, 2n ** 40n),
  delivery: constantFrom({ case: undefined }, { case: 'delayMs', value: 2n ** 40n } as const),
  expiry: constantFrom({ case: undefined }, { case: 'lifetimeMs', value: 0n } as const),
  attributes: constantFrom({}, { 'no-name': 'x' } as Record<string, string>),
})
const emitting = event.map((given) => ({ kind: { case: 'emitEvent', value: given } }) as const)
const commit = record({
  mutations: array(oneof(writing, emitting), { maxLength: 2 }),
  idempotencyKey: oneof(constant(''), constant('k'.repeat(129)), string()),
})

describe('a request that is surely valid', () => {
  it('keeps the rules of its proto', () => {
    let accepted = 0
    const sound = property(array(commit, { maxLength: 3 }), constantFrom('', 's'.repeat(37)), (commits, session) => {
      const message = create(CommitManyRequestSchema, { session })
      message.commits = commits.map((given) =>
        create(CommitRequestSchema, given as MessageInitShape<typeof CommitRequestSchema>),
      )
      if (!isSurelyValid(message)) return
      accepted += 1
      expect(validator.validate(CommitManyRequestSchema, message).kind).toBe('valid')
    })
    assert(sound, {
      numRuns: 3_000,
      examples: [
        [
          [{ mutations: [{ kind: { case: 'writeField', value: { ...plainWrite, option: 0 } } }], idempotencyKey: '' }],
          '',
        ],
        [[{ mutations: [{ kind: { case: 'emitEvent', value: plainEvent } }], idempotencyKey: '' }], ''],
      ],
    })
    expect(accepted).toBeGreaterThan(0)
  })

  it('is one that writes fields, and one with as many writes as there may be', () => {
    const mutations = Array.from(
      { length: 1_000 },
      () => ({ kind: { case: 'writeField', value: plainWrite } }) as const,
    )
    expect(isSurelyValid(create(CommitRequestSchema, { mutations, idempotencyKey: 'k' }))).toBe(true)
    const tooMany = [...mutations, ...mutations.slice(0, 1)]
    expect(isSurelyValid(create(CommitRequestSchema, { mutations: tooMany }))).toBe(false)
    expect(isSurelyValid(create(CommitRequestSchema, { mutations: [] }))).toBe(false)
  })
})
