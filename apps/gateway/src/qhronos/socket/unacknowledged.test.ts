import { expect, it, vi } from 'vitest'
import type { HookAnswer } from './hooks.ts'
import { Unacknowledged } from './unacknowledged.ts'

const answer = vi.fn<(answer: HookAnswer) => void>()
function add(to: Unacknowledged, id: string, untilMs: number): void {
  to.add({
    frame: { type: 'event', event_id: 'e', occurrence_id: id, metadata: {}, payload: {}, tags: [] },
    needsAck: true,
    untilMs,
    answer: (given) => answer(given),
  })
}

const later = (): number => performance.now() + 600_000

it('what nobody waits for any more is forgotten', () => {
  answer.mockReset()
  using waiting = new Unacknowledged()
  for (let n = 0; n < 100; n++) add(waiting, `past ${n}`, performance.now() - 1)
  expect(waiting.size).toBe(1)
  add(waiting, 'one', later())
  add(waiting, 'two', later())
  expect(waiting.size).toBe(2)
  waiting.acknowledge('past 99')
  expect(answer).not.toHaveBeenCalled()
  waiting.acknowledge('one')
  expect(answer.mock.calls).toEqual([['acknowledged']])
})

it('a client that acknowledges nothing has the oldest given up', () => {
  answer.mockReset()
  using waiting = new Unacknowledged()
  for (let n = 0; n < 5_000; n++) add(waiting, `${n}`, later())
  expect(waiting.size).toBe(4_096)
  expect(answer.mock.calls).toEqual(Array.from({ length: 904 }, () => ['closed']))
  waiting.acknowledge('0')
  expect(answer).toHaveBeenCalledTimes(904)
})
