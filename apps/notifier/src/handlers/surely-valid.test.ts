import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { AckRequestSchema, GetDepthsRequestSchema } from '@qcore/contracts'
import { createMessageCheck } from '@qcore/transport'
import { expect, it } from 'vitest'
import { isSurelyValid } from './surely-valid.ts'

const check = createMessageCheck()
const handled = { case: 'handled', value: {} } as const
const answer = { deliveryId: '1.0:$JS.ACK.Q_main_EVENTS.a.1.2.3.4.5', answer: handled }
const plain = { namespace: 'demo', nodeId: 'n1', answers: [answer, { deliveryId: 'x', answer: handled }] }

it('says so of plain answers to events, which keep the rules', () => {
  const longest = { ...answer, deliveryId: 'x'.repeat(256) }
  const progress = { ...answer, answer: { case: 'progress', value: {} } as const }
  for (const given of [plain, { ...plain, nodeId: 'a_.:-9', answers: Array.from({ length: 1_000 }, () => longest) }]) {
    const message = create(AckRequestSchema, given)
    expect(isSurelyValid(message)).toBe(true)
    check(AckRequestSchema, message)
  }
  expect(isSurelyValid(create(AckRequestSchema, { ...plain, answers: [progress] }))).toBe(true)
})

it.each<[string, MessageInitShape<typeof AckRequestSchema>]>([
  ['no answers', { ...plain, answers: [] }],
  ['too many', { ...plain, answers: Array.from({ length: 1_001 }, () => answer) }],
  ['a namespace that is none', { ...plain, namespace: 'Demo' }],
  ['a namespace with a line', { ...plain, namespace: 'demo\n' }],
  ['a node that is none', { ...plain, nodeId: '-' }],
  ['an empty id', { ...plain, answers: [{ ...answer, deliveryId: '' }] }],
  ['a long id', { ...plain, answers: [{ ...answer, deliveryId: 'x'.repeat(257) }] }],
  ['no answer', { ...plain, answers: [{ deliveryId: 'x' }] }],
])('says nothing of %s, which breaks a rule', (_, given) => {
  const message = create(AckRequestSchema, given)
  expect(isSurelyValid(message)).toBe(false)
  expect(() => check(AckRequestSchema, message)).toThrow()
})

it('says nothing of other requests', () => {
  expect(isSurelyValid(create(GetDepthsRequestSchema, { namespace: 'demo' }))).toBe(false)
})
