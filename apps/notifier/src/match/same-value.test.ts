import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { ValueSchema, type Value } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { sameValue } from './same-value.ts'

function value(kind: MessageInitShape<typeof ValueSchema>['kind']): Value {
  return create(ValueSchema, { kind: kind ?? { case: undefined } })
}

const different: [string, Value, Value][] = [
  ['ints', value({ case: 'int', value: 1n }), value({ case: 'int', value: 2n })],
  ['floats', value({ case: 'float', value: 1 }), value({ case: 'float', value: NaN })],
  ['texts', value({ case: 'string', value: 'a' }), value({ case: 'string', value: 'b' })],
  [
    'seconds',
    value({ case: 'timestamp', value: { seconds: 1n } }),
    value({ case: 'timestamp', value: { seconds: 2n } }),
  ],
  ['nanos', value({ case: 'timestamp', value: { nanos: 1000 } }), value({ case: 'timestamp', value: { nanos: 2000 } })],
  ['kinds', value({ case: 'string', value: '' }), value({ case: 'choice', value: '' })],
  [
    'lists',
    value({ case: 'entityList', value: { entityIds: ['a', 'b'] } }),
    value({ case: 'entityList', value: { entityIds: ['b', 'a'] } }),
  ],
  [
    'contents',
    value({ case: 'binaryFile', value: { content: Uint8Array.of(1) } }),
    value({ case: 'binaryFile', value: { content: Uint8Array.of(2) } }),
  ],
]

it.each(different)('tells %s apart', (_, a, b) => {
  expect(sameValue(a, b)).toBe(false)
  expect(sameValue(a, structuredClone(a))).toBe(true)
  expect(sameValue(b, structuredClone(b))).toBe(true)
})

it('takes no value for the same as no value, and as nothing else', () => {
  expect(sameValue(undefined, undefined)).toBe(true)
  expect(sameValue(undefined, value({ case: 'bool', value: false }))).toBe(false)
})
