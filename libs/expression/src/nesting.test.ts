import { expect, it } from 'vitest'
import { nestingOf } from './nesting.ts'

it.each([
  ['1', 0],
  ['((1))', 2],
  ['(1) + [2] + {3: 4}', 1],
  ['f([{1: 2}])', 3],
  ['"((((" + \'[[[\'', 0],
  ['"\\"((" + "("', 0],
  ['r"\\" + (1)', 1],
  ['"""((\n""((""" + (1)', 1],
  ["b'''(('(('''", 0],
  ['1 // ((((\n + (2)', 1],
  ['a ? b : c ? d : e', 2],
  ['(a ? b : c) + (d ? e : f)', 2],
  ['))((', 2],
])('%j nests %i deep', (text, depth) => {
  expect(nestingOf(text)).toBe(depth)
})
