import { expect, it } from 'vitest'
import { connectTo, serviceError } from './_scripted.ts'

it('an action without a key that may have been carried out is not repeated, and is in doubt', async () => {
  let calls = 0
  const replayDeadLetters = (): never => {
    calls += 1
    throw serviceError('outcome_unknown')
  }
  await using q = await connectTo({ deadLetters: { replayDeadLetters } })
  const replaying = q.events.deadLetters.replay('demo', { group: 'mail' })
  await expect(replaying).rejects.toMatchObject({ code: 'outcome_unknown' })
  expect(calls).toBe(1)
})

it('an action without a key that was not carried out is repeated', async () => {
  let calls = 0
  const replayDeadLetters = () => {
    calls += 1
    if (calls === 1) throw serviceError('unavailable')
    return { count: 3n, actionId: '1' }
  }
  await using q = await connectTo({ deadLetters: { replayDeadLetters } })
  const replayed = await q.events.deadLetters.replay('demo', { group: 'mail' })
  expect([replayed, calls]).toEqual([{ count: 3, actionId: '1' }, 2])
})

it('a rollback of the configuration is repeated with the same key', async () => {
  const keys: string[] = []
  await using q = await connectTo({
    config: {
      rollbackConfig: ({ idempotencyKey }) => {
        keys.push(idempotencyKey)
        if (keys.length === 1) throw serviceError('outcome_unknown')
        return { keys: ['a'], configRevision: 2n, revision: 2n, configId: 'c' }
      },
    },
  })
  expect((await q.config.rollback(1)).keys).toEqual(['a'])
  expect(keys).toEqual([expect.stringMatching(/./), keys[0]])
})
