import { expect, test } from 'vitest'
import { describeComplaint } from './service-log.ts'

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
