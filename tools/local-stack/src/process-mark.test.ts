import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { commandLine, isRunning, markProcess, sendSignal } from './process-mark.ts'

test('a process is known by its id and its start', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', 'some-argument'])
  await once(child, 'spawn')
  const mark = markProcess(child.pid ?? 0)
  expect(mark).toBeDefined()
  if (mark === undefined) return
  expect(isRunning(mark)).toBe(true)
  expect(isRunning({ ...mark, startedAt: 'another time' })).toBe(false)
  await expect.poll(() => commandLine(mark.pid)).toContain('some-argument')

  expect(sendSignal(mark.pid, 'SIGKILL')).toBe(true)
  await once(child, 'exit')
  expect(isRunning(mark)).toBe(false)
  expect(markProcess(mark.pid)).toBeUndefined()
  expect(commandLine(mark.pid)).toBe('')
  expect(sendSignal(mark.pid, 'SIGKILL')).toBe(false)
})
