import { create, toBinary } from '@bufbuild/protobuf'
import { PutScheduleSchema } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { readSettingsOf } from './schedule-settings.ts'

function definitionOf(description: string): Buffer {
  return Buffer.from(toBinary(PutScheduleSchema, create(PutScheduleSchema, { description })))
}

it('reads equal definitions once', () => {
  const settings = readSettingsOf(definitionOf('tick'))
  expect(settings.put.description).toBe('tick')
  expect(readSettingsOf(definitionOf('tick'))).toBe(settings)
  expect(readSettingsOf(definitionOf('tock')).put.description).toBe('tock')
})

it('keeps nothing of long definitions', () => {
  const long = 'x'.repeat(2_000)
  const settings = readSettingsOf(definitionOf(long))
  expect(settings.put.description).toBe(long)
  expect(readSettingsOf(definitionOf(long))).not.toBe(settings)
})
