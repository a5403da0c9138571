import type { ValueType } from '@qcore/contracts'
import { indexKey, indexKind, type FieldValue } from '@qcore/model'
import type { CheckedEnd, CheckedTest, ComparedEnd } from '@qcore/query'
import { everything, intervalsOf, pointsOf, type Interval, type Key } from './interval.ts'

/** An end of a path, and the keys there that a test lets through. */
export interface EndKeys {
  readonly end: CheckedEnd
  readonly intervals: readonly Interval[]
}

/** The keys that a test lets through, by the end of its path; undefined: they are no intervals. */
export function endKeys(test: CheckedTest): EndKeys[] | undefined {
  switch (test.kind) {
    case 'compare': {
      const { sign } = test
      return test.ends.map((end) => ({
        end,
        intervals: keysOf(end).flatMap((key) => intervalsOf(sign, key)),
      }))
    }
    case 'in':
      return test.ends.map((end) => ({ end, intervals: pointsOf(keysOf(end)) }))
    case 'starts_with':
      return test.ends.map((end) => ({ end, intervals: prefixIntervals(test.text) }))
    case 'contains':
    case 'exists':
      return undefined
  }
}

function keysOf({ valueType, values }: ComparedEnd): Key[] {
  return values.map((value) => keyOf(valueType, value))
}

function keyOf(valueType: ValueType, value: FieldValue): Key {
  const indexed = indexKey(valueType, value)
  if (indexed === undefined) throw new Error(`values of type ${valueType} have no key`)
  return indexed.key
}

/** Whether values of a type have keys. */
export function hasKeys(valueType: ValueType): boolean {
  return indexKind(valueType) !== undefined
}

const firstSurrogate = 0xd800
const lastSurrogate = 0xdfff
const lastCodePoint = 0x10ffff

/** The texts that begin with another: up to the first that is behind all of them. */
export function prefixIntervals(prefix: string): readonly Interval[] {
  if (prefix === '') return everything
  const low = { key: bytesOf(prefix), isInclusive: true }
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  while (points.at(-1) === lastCodePoint) points.pop()
  const last = points.pop()
  if (last === undefined) return [{ low }]
  const next = last + 1 >= firstSurrogate && last < lastSurrogate ? lastSurrogate + 1 : last + 1
  return [{ low, high: { key: bytesOf(String.fromCodePoint(...points, next)), isInclusive: false } }]
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
