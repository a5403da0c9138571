import { connect } from '@nats-io/transport-node'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import '../src/vitest-context.ts'

test('every test file is given a PostgreSQL and a NATS that answer', async () => {
  const client = new pg.Client(inject('postgresUrl'))
  await client.connect()
  try {
    const { rows } = await client.query<{ answer: number }>('select 42 as answer')
    expect(rows).toEqual([{ answer: 42 }])
  } finally {
    await client.end()
  }
  const connection = await connect({ servers: inject('natsUrl') })
  expect(connection.info?.jetstream).toBe(true)
  await connection.close()
})
