import { expect, test } from 'vitest'
import { explainFailure } from './start-failure.ts'

test('a full disk is told in one line, whatever else the server wrote', () => {
  const output = 'LOG:  starting\nFATAL:  could not write lock file: No space left on device\nLOG:  shut down\n'
  expect(explainFailure('PostgreSQL', output, 'exit code 1')).toBe('PostgreSQL did not start: the disk is full')
})

test('a port that was taken is told in one line', () => {
  const output = '[FTL] Error listening on port: 127.0.0.1:4222, "bind: address already in use"\n'
  expect(explainFailure('NATS', output, 'exit code 1')).toBe(
    'NATS did not start: its port is in use by another program',
  )
})

test('the line that says why is picked out of the others', () => {
  const output = 'LOG:  hello\nFATAL:  data directory has wrong ownership\nHINT:  change it\n'
  expect(explainFailure('PostgreSQL', output, 'exit code 1')).toBe(
    'PostgreSQL did not start (exit code 1): FATAL:  data directory has wrong ownership',
  )
})

test('a server that wrote nothing is explained by how it ended', () => {
  expect(explainFailure('NATS', '', 'spawn ENOENT')).toBe('NATS did not start (spawn ENOENT)')
})
