import { expect, test, vi } from 'vitest'
import { supervise } from './supervise.ts'

/** A process that ends when told to, and that counts its starts. */
function fakeProcess() {
  let end = Promise.withResolvers<string>()
  return {
    name: 'nats',
    starts: 1,
    crash: (reason: string) => end.resolve(reason),
    ended: () => end.promise,
    async restart() {
      end = Promise.withResolvers()
      this.starts++
    },
  }
}

test('a process that ends by itself is started again, and people are told', async () => {
  const target = fakeProcess()
  const report = vi.fn<(line: string) => void>()
  const stop = new AbortController()
  const watch = supervise(target, { report, signal: stop.signal })
  target.crash('signal SIGKILL')
  await vi.waitFor(() => expect(target.starts).toBe(2), { timeout: 5_000 })
  expect(report).toHaveBeenCalledWith('nats ended (signal SIGKILL); starting it again')
  stop.abort()
  await expect(watch).resolves.toBeUndefined()
})

test('a process that is stopped on purpose is not started again', async () => {
  const target = fakeProcess()
  const stop = new AbortController()
  const watch = supervise(target, { report: () => {}, signal: stop.signal })
  stop.abort()
  target.crash('exit code 0')
  await expect(watch).resolves.toBeUndefined()
  expect(target.starts).toBe(1)
})

test('a process that crashes again and again is given up, with the reason', async () => {
  const target = fakeProcess()
  const restart = async (): Promise<void> => {
    await target.restart()
    target.crash('exit code 1')
  }
  target.crash('exit code 1')
  const stop = new AbortController()
  const watch = supervise({ ...target, restart }, { report: () => {}, signal: stop.signal })
  await expect(watch).resolves.toBe('nats ended 6 times within a minute (exit code 1)')
})
