import { migrateStore, type Executor } from '@qcore/database'
import { expect, inject, it } from 'vitest'
import { LeaseTerm, type LeaseOptions } from '../src/lease/lease-term.ts'
import { openTestStore, silent, uniqueStore } from './_writer-client.ts'

it('a lease whose term has failed is taken again by who had it, and by nobody else', async () => {
  await using test = await openTestStore(uniqueStore())
  await migrateStore({ address: inject('postgresUrl'), store: test.store, applicationName: 'test' })
  const lease = { executor: test.pool, logger: silent, leaseMs: 60_000, renewMs: 60_000, marginMs: 100 }
  const [one, other]: [LeaseOptions, LeaseOptions] = [
    { ...lease, holder: 'one' },
    { ...lease, holder: 'other' },
  ]
  const failed = (await LeaseTerm.take(one)).term
  expect((await LeaseTerm.take(one)).term).toBeUndefined()
  await failed?.[Symbol.asyncDispose]()
  expect((await LeaseTerm.take(other)).term).toBeUndefined()
  await using next = (await LeaseTerm.take(one)).term
  expect(next?.epoch).toBe((failed?.epoch ?? 0) + 1)
})

it('a lease that was given up stays free although a renewal was on its way', async () => {
  await using test = await openTestStore(uniqueStore())
  await migrateStore({ address: inject('postgresUrl'), store: test.store, applicationName: 'test' })
  const sent = Promise.withResolvers<undefined>()
  const arrives = Promise.withResolvers<undefined>()
  const renewed = Promise.withResolvers<unknown>()
  // The way of a renewal to PostgreSQL takes until `arrives`.
  const query = async (statement: { name?: string }): Promise<unknown> => {
    if (statement.name !== 'renew_lease') return test.pool.query(statement as never)
    sent.resolve(undefined)
    await arrives.promise
    const answer = test.pool.query(statement as never)
    renewed.resolve(answer)
    return answer
  }
  const options = { logger: silent, leaseMs: 60_000, marginMs: 100 }
  const far: LeaseOptions = { ...options, executor: { query } as Executor, holder: 'one', renewMs: 1 }
  const near: LeaseOptions = { ...options, executor: test.pool, holder: 'other', renewMs: 60_000 }
  await using term = (await LeaseTerm.take(far)).term
  expect(term?.epoch).toBe(1)
  await sent.promise
  await term?.release()
  arrives.resolve(undefined)
  await renewed.promise
  await using next = (await LeaseTerm.take(near)).term
  expect(next?.epoch).toBeGreaterThan(1)
})
