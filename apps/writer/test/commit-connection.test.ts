import { openPool } from '@qcore/database'
import { openFaultProxy } from '@qcore/fault-proxy'
import { expect, inject, it } from 'vitest'
import { CommitConnection } from '../src/commit/commit-connection.ts'

it('opens one connection for all who ask at once', async () => {
  const database = { address: inject('postgresUrl'), store: 'public', applicationName: 'test', max: 1 }
  await using stack = new AsyncDisposableStack()
  const pool = openPool(database, () => undefined)
  stack.defer(() => pool.end())
  const connection = stack.use(new CommitConnection(pool))
  const [one, other] = await Promise.all([connection.open(), connection.open()])
  expect(other).toBe(one)
  connection.discard()
  expect(await connection.open()).not.toBe(one)
})

it('that could not be opened is opened by the next one who asks', async () => {
  await using proxy = await openFaultProxy(inject('postgresUrl'))
  const database = { address: proxy.url, store: 'public', applicationName: 'test', max: 1 }
  await using stack = new AsyncDisposableStack()
  const pool = openPool(database, () => undefined)
  stack.defer(() => pool.end())
  const connection = stack.use(new CommitConnection(pool))
  proxy.cut()
  await expect(connection.open()).rejects.toThrow()
  proxy.restore()
  const opened = await connection.open()
  expect(connection.current).toBe(opened)
})
