import { describe, expect, it } from 'vitest'
import { nextPartition } from './partition-plan.ts'

const hourMs = 3_600_000

describe('the next partition of the log', () => {
  it('follows the last one without a gap', () => {
    expect(nextPartition(undefined, undefined).from).toBe(0)
    expect(nextPartition({ from: 0, to: 65_536 }, undefined)).toEqual({ from: 65_536, to: 131_072 })
  })

  it('grows when partitions fill quickly, and shrinks when they fill slowly', () => {
    expect(nextPartition({ from: 0, to: 65_536 }, hourMs / 4)).toEqual({ from: 65_536, to: 65_536 * 3 })
    expect(nextPartition({ from: 0, to: 65_536 }, hourMs)).toEqual({ from: 65_536, to: 65_536 * 2 })
    expect(nextPartition({ from: 0, to: 65_536 }, hourMs * 3)).toEqual({ from: 65_536, to: 98_304 })
  })

  it('stays within bounds', () => {
    expect(nextPartition({ from: 0, to: 16_777_216 }, 1)).toEqual({ from: 16_777_216, to: 33_554_432 })
    expect(nextPartition({ from: 0, to: 16_384 }, hourMs * 100)).toEqual({ from: 16_384, to: 32_768 })
  })
})
