import { ArrayParameter } from './array-parameter.ts'

/** A parameter of the type `text[]`. */
export function textArray(values: readonly string[]): Buffer {
  const array = new ArrayParameter('text')
  for (const value of values) array.addText(value)
  return array.finish()
}

/** A parameter of the type `int[]`. */
export function int4Array(values: readonly number[]): Buffer {
  const array = new ArrayParameter('int4')
  for (const value of values) array.addInt4(value)
  return array.finish()
}

/** A parameter of the type `bigint[]`. */
export function int8Array(values: readonly number[]): Buffer {
  const array = new ArrayParameter('int8')
  for (const value of values) array.addInt8(value)
  return array.finish()
}
