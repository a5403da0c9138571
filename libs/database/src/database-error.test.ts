import { QError } from '@qcore/errors'
import { DatabaseError } from 'pg'
import { expect, test } from 'vitest'
import { readDatabase, readError } from './database-error.ts'

function serverError(code: string): DatabaseError {
  const error = new DatabaseError('told by the server', 0, 'error')
  error.code = code
  return error
}

test('a server that shuts down or is out of connections is unavailable for now', () => {
  for (const code of ['57P01', '53300', '08006', '57014']) {
    expect(readError(serverError(code))).toMatchObject({ code: 'unavailable' })
  }
})

test('a deadlock, a lock that others have, and a transaction that stood still are unavailable for now', () => {
  for (const code of ['40P01', '40001', '55P03', '25P03']) {
    expect(readError(serverError(code))).toMatchObject({ code: 'unavailable' })
  }
  expect(readError(serverError('25P02'))).not.toMatchObject({ code: 'unavailable' })
})

test('a broken connection is unavailable for now', async () => {
  const read = readDatabase(Promise.reject(new Error('Connection terminated unexpectedly')))
  await expect(read).rejects.toMatchObject({ code: 'unavailable' })
})

test('a wrong statement is a fault and stays as it is', () => {
  const error = serverError('42P01')
  expect(readError(error)).toBe(error)
})

test('text that PostgreSQL cannot hold is the fault of the request', () => {
  expect(readError(serverError('22021'))).toMatchObject({ code: 'invalid_request' })
})

test('an error that is already ours stays as it is', () => {
  const error = new QError('compacted', 'gone')
  expect(readError(error)).toBe(error)
})
