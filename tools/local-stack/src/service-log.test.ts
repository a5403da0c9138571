import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { makeTemporaryFolder } from '../test/_temporary-folder.ts'
import { describeComplaint, openServiceLog } from './service-log.ts'

test('information stays in the log', () => {
  expect(describeComplaint('{"level":30,"service":"reader","msg":"started"}')).toBeUndefined()
  expect(describeComplaint('  ')).toBeUndefined()
})

test('a warning is told with its service and its cause', () => {
  const line = '{"level":40,"service":"writer","msg":"cannot renew","err":{"message":"connection refused"}}'
  expect(describeComplaint(line)).toBe('writer: cannot renew: connection refused')
})

test('a line that is no log entry is told as it is', () => {
  expect(describeComplaint('Error: out of memory')).toBe('Error: out of memory')
  expect(describeComplaint('"text"')).toBe('"text"')
})

test('all lines are in the file; a complaint that repeats itself is told once', async () => {
  const file = path.join(await makeTemporaryFolder(), 'qcore.log')
  const told: string[] = []
  const log = openServiceLog(file, (line) => told.push(line))
  const lines = [
    '{"level":30,"msg":"up"}',
    '{"level":40,"msg":"retry"}',
    '{"level":40,"msg":"retry"}',
    'TypeError: x: y',
    '  at z',
  ]
  const output = Readable.from(lines.map((line) => `${line}\n`))
  const tail = log.collect('reader', output)
  await once(output, 'close')
  await vi.waitFor(() => expect(told).toEqual(['reader: retry', 'reader: TypeError: x: y', 'reader:   at z']))
  expect(tail.lastComplaint()).toBe('TypeError: x: y')
  await log[Symbol.asyncDispose]()
  expect(readFileSync(file, 'utf8')).toBe(`${lines.join('\n')}\n`)
})
