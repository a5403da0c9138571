import { expect, test } from 'vitest'
import { isAtLeast, readProgramVersion } from './program-version.ts'

test.each([
  ['2.10.27', '2.9.10', true],
  ['2.9.10', '2.9.10', true],
  ['2.9.9', '2.9.10', false],
  ['15.18', '15', true],
  ['14.9', '15', false],
  ['3', '2.9.10', true],
])('%s is at least %s: %s', (version, least, answer) => {
  expect(isAtLeast(version, least)).toBe(answer)
})

test('a program that does not run has no version', async () => {
  await expect(readProgramVersion('/nowhere/nats-server')).resolves.toBeUndefined()
})

test('the version is read from what the program prints', async () => {
  await expect(readProgramVersion(process.execPath)).resolves.toBe(process.versions.node)
})
