import { getEventListeners } from 'node:events'
import { QError } from '@qcore/errors'
import { expect, it } from 'vitest'
import { untilAborted } from './until-aborted.ts'

it('gives what the promise gives', async () => {
  const { signal } = new AbortController()
  await expect(untilAborted(Promise.resolve(5), signal)).resolves.toBe(5)
  await expect(untilAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken')
})

it('gives up when the signal is aborted, and when it was aborted before', async () => {
  const stop = new AbortController()
  const answer = untilAborted(Promise.withResolvers().promise, stop.signal)
  stop.abort('over')
  await expect(answer).rejects.toEqual(new QError('deadline_exceeded', 'no answer in time', { cause: 'over' }))
  await expect(untilAborted(Promise.withResolvers().promise, stop.signal)).rejects.toMatchObject({
    code: 'deadline_exceeded',
  })
})

it('leaves nothing on a signal that lives longer', async () => {
  const { signal } = new AbortController()
  await untilAborted(Promise.resolve(), signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})
