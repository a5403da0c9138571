import { celFunc, CelScalar, celUint, type CelFunc } from '@bufbuild/cel'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { create } from '@bufbuild/protobuf'
import { timestampType } from './timestamp-type.ts'

const { DOUBLE, INT, STRING, UINT } = CelScalar

const wholePattern = /^[-+]?\d{1,20}$/
const numberPattern = /^[-+]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][-+]?\d{1,4})?$/
const namedNumbers: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['+Infinity', Infinity],
  ['-Infinity', -Infinity],
])

/** Conversions that are stricter than the library's, and the same at every size: what is no number is refused. */
export const conversions: readonly CelFunc[] = [
  celFunc('int', [STRING], INT, (text) => wholeNumber(text, -(2n ** 63n), 2n ** 63n - 1n)),
  celFunc('uint', [STRING], UINT, (text) => celUint(wholeNumber(text, 0n, 2n ** 64n - 1n))),
  celFunc('double', [STRING], DOUBLE, number),
  celFunc('timestamp', [INT], timestampType, (seconds) => create(TimestampSchema, { seconds })),
]

function wholeNumber(text: string, least: bigint, most: bigint): bigint {
  if (!wholePattern.test(text)) throw new Error(`${shown(text)} is no whole number`)
  const value = BigInt(text.replace('+', ''))
  if (value < least || value > most) throw new Error(`${shown(text)} is out of range`)
  return value
}

function number(text: string): number {
  const named = namedNumbers.get(text)
  if (named !== undefined) return named
  if (!numberPattern.test(text)) throw new Error(`${shown(text)} is no number`)
  return Number(text)
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}
