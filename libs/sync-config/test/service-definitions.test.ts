import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, expect, inject, it } from 'vitest'
import { openConfigServices } from '../src/index.ts'
import { eventually } from './_store.ts'

const schema = `test_${randomBytes(6).toString('hex')}`
const dsn = inject('postgresUrl')
const pool = { type: 'dbpool_pg', params: { dsn, schema } }

afterAll(async () => {
  const client = new Client({ connectionString: dsn })
  await client.connect()
  await client.query(`drop schema if exists ${schema} cascade`)
  await client.end()
})

it('are opened as the file of SyncConfig describes them', async () => {
  const definitions = {
    'my-db-pool': pool,
    'config-service': {
      type: 'sync_config_pg',
      'depends-on': ['dbpool-manager'],
      params: {
        dbpool_name: 'my-db-pool',
        table_name: 'app_config',
        channel: 'config_updates',
        heartbeat_interval: 5,
        reconnect_interval: '10s',
        sync_on_mismatch: true,
        enable_notification: true,
      },
    },
    defaults: { type: 'sync_config_pg', params: { dbpool_name: 'my-db-pool' } },
  }
  await using one = await openConfigServices(definitions)
  await using two = await openConfigServices(definitions)
  await one.get('config-service').set('feature_flag', true)
  await eventually(() => expect(two.get('config-service').getBool('feature_flag', false)).toBe(true))
  expect(two.get('config-service').counters.notifications).toBe(1)
  expect(two.get('defaults').has('feature_flag')).toBe(false)
  expect(() => two.get('my-db-pool')).toThrow(expect.objectContaining({ code: 'configuration', field: 'my-db-pool' }))
})

it.each<[string, unknown, unknown]>([
  ['service-definitions', null, undefined],
  ['config', { config: 7 }, undefined],
  ['config.type', { config: { type: 'redis' } }, undefined],
  ['config.dbpool_name', {}, {}],
  ['config.dbpool_name', {}, { dbpool_name: 'other' }],
  ['pool.dsn', { pool: { type: 'dbpool_pg' } }, { dbpool_name: 'pool' }],
  ['config.heartbeat_interval', {}, { dbpool_name: 'pool', heartbeat_interval: 0 }],
  ['config.heartbeat_interval', {}, { dbpool_name: 'pool', heartbeat_interval: -5 }],
  ['config.heartbeat_interval', {}, { dbpool_name: 'pool', heartbeat_interval: 'abc' }],
  ['config.reconnect_interval', {}, { dbpool_name: 'pool', reconnect_interval: true }],
  ['config.enable_notification', {}, { dbpool_name: 'pool', enable_notification: 'yes' }],
  ['config.table_name', {}, { dbpool_name: 'pool', table_name: 5 }],
  ['config.heartbeat', {}, { dbpool_name: 'pool', heartbeat: 5 }],
])('are refused, and the error names %s', async (field, definitions, params) => {
  const config = params === undefined ? {} : { config: { type: 'sync_config_pg', params } }
  const all = definitions === null ? null : { pool, ...config, ...(definitions as object) }
  await expect(openConfigServices(all)).rejects.toMatchObject({ code: 'configuration', field })
})
