import { expect, it } from 'vitest'
import { numberProblems } from '../src/decisions.ts'

it('takes decisions whose numbers are their own', () => {
  const pages = [
    { file: '0001-one.md', text: '# 0001: One\n' },
    { file: '0002-two.md', text: '# 0002: Two\n' },
  ]
  expect(numberProblems(pages)).toEqual([])
})

it('names a number that is taken, and a title with another one', () => {
  const pages = [
    { file: '0001-one.md', text: '# 0001: One\n' },
    { file: '0001-two.md', text: '# 0002: Two\n' },
  ]
  expect(numberProblems(pages)).toEqual([
    'docs/decisions/0001-two.md: the number is taken',
    'docs/decisions/0001-two.md: the title does not begin with its number',
  ])
})
