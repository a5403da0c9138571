import { describe, expect, it } from 'vitest'
import { fileProblems } from '../src/conventions.ts'

/** Put together so that this file has no such test itself. */
const exclusiveTest = ['it', "only('x')"].join('.')

describe('fileProblems', () => {
  it.each([
    ['libs/a/src/index.ts', 'export { a } from "./a.ts"'],
    ['libs/service/src/env.ts', 'process.env'],
    ['apps/writer/src/main.ts', 'process.env'],
    ['apps/writer/src/handlers/index.ts', ''],
  ])('finds nothing wrong with %s', (file, text) => {
    expect(fileProblems(file, text)).toEqual([])
  })

  it.each([
    ['libs/a/src/utils.ts', '', 'the name tells no concept'],
    ['libs/a/src/helpers/x.ts', '', 'the name tells no concept'],
    ['libs/a/src/deep/index.ts', '', 'an index below src/'],
    ['libs/a/src/a.ts', "export * from './b.ts'", 'export *'],
    ['libs/a/src/a.ts', 'const x = process.env', 'reads process.env'],
    ['libs/a/src/a.test.ts', exclusiveTest, 'a test is skipped or exclusive'],
    ['libs/a/src/a.ts', '\n'.repeat(400), '401 lines, more than 400; split it by concept'],
    ['libs/a/src/a.test.ts', '\n'.repeat(600), '601 lines, more than 600; split it by concept'],
  ])('names what is wrong with %s', (file, text, problem) => {
    expect(fileProblems(file, text)).toEqual([`${file}: ${problem}`])
  })
})
