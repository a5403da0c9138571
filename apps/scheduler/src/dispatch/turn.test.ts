import { OverlapPolicy } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { mostWaiting, Turns, type Turn } from './turn.ts'

function apply(turns: Turns, overlap: OverlapPolicy, nominalUs: number, isWaiting = false): Turn {
  const applicant = { nominalUs, overlap, isWaiting }
  const turn = turns.turnOf(applicant)
  if (turn.kind === 'begin') turns.begin(applicant)
  return turn
}

const { SKIP, BUFFER_ONE, BUFFER_ALL, CANCEL_OTHER } = OverlapPolicy

it('of several that are due together the first begins, and the policy decides about the others', () => {
  const kindsOf = (overlap: OverlapPolicy): string[] => {
    const turns = new Turns(false, [])
    return [1, 2, 3, 4].map((nominalUs) => apply(turns, overlap, nominalUs).kind)
  }
  expect(kindsOf(SKIP)).toEqual(['begin', 'skip', 'skip', 'skip'])
  expect(kindsOf(BUFFER_ONE)).toEqual(['begin', 'wait', 'skip', 'skip'])
  expect(kindsOf(BUFFER_ALL)).toEqual(['begin', 'wait', 'wait', 'wait'])
  expect(kindsOf(CANCEL_OTHER)).toEqual(['begin', 'begin', 'begin', 'begin'])
})

it('who has a place keeps it, and begins before those that come later', () => {
  for (const overlap of [BUFFER_ONE, BUFFER_ALL]) {
    expect(apply(new Turns(true, [2]), overlap, 2, true)).toEqual({ kind: 'wait', waitMs: 250 })
    const turns = new Turns(false, [2])
    expect(apply(turns, overlap, 3)).toEqual({ kind: 'wait', waitMs: 500 })
    expect(apply(turns, overlap, 2, true)).toEqual({ kind: 'begin' })
    expect(apply(turns, overlap, 3, true)).toEqual({ kind: 'wait', waitMs: 250 })
  }
})

it('an earlier one that comes late takes no place that another one has', () => {
  expect(apply(new Turns(true, [9]), BUFFER_ONE, 2)).toEqual({ kind: 'skip' })
  expect(apply(new Turns(false, [9]), BUFFER_ONE, 2)).toEqual({ kind: 'begin' })
})

it('looks again the later, the more are before it, and waits only if it is one of so many', () => {
  const waiting = Array.from({ length: mostWaiting - 1 }, (_, index) => index)
  const turns = new Turns(true, waiting)
  expect(apply(turns, BUFFER_ALL, mostWaiting)).toEqual({ kind: 'wait', waitMs: 60_000 })
  expect(apply(turns, BUFFER_ALL, mostWaiting + 1)).toEqual({ kind: 'skip' })
  expect(apply(turns, BUFFER_ALL, 3, true)).toEqual({ kind: 'wait', waitMs: 1_000 })
})
