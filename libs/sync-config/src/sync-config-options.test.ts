import { Pool } from 'pg'
import { expect, it } from 'vitest'
import { readOptions, type SyncConfigOptions } from './sync-config-options.ts'

it('has the defaults of SyncConfig', () => {
  expect(readOptions({ address: 'postgres://x' })).toMatchObject({
    channel: 'config_changes',
    heartbeatIntervalMs: 300_000,
    reconnectIntervalMs: 10_000,
    syncOnMismatch: true,
    enableNotification: true,
    names: { table: '"public"."sync_config"' },
  })
})

it.each<[Partial<SyncConfigOptions>, string]>([
  [{ heartbeatIntervalMs: 0 }, 'heartbeatIntervalMs'],
  [{ heartbeatIntervalMs: -5 }, 'heartbeatIntervalMs'],
  [{ heartbeatIntervalMs: 'abc' as unknown as number }, 'heartbeatIntervalMs'],
  [{ heartbeatIntervalMs: Infinity }, 'heartbeatIntervalMs'],
  [{ reconnectIntervalMs: 0 }, 'reconnectIntervalMs'],
  [{ startTimeoutMs: -1 }, 'startTimeoutMs'],
  [{ tableName: '' }, 'tableName'],
  [{ tableName: 'x'.repeat(55) }, 'tableName'],
  [{ schema: 'a\0b' }, 'schema'],
  [{ channel: '' }, 'channel'],
  [{ channel: 'ü'.repeat(32) }, 'channel'],
  [{ pool: new Pool() }, 'address'],
])('refuses %o, and names the option', (options, field) => {
  expect(() => readOptions({ address: 'postgres://x', ...options })).toThrow(
    expect.objectContaining({ code: 'configuration', field }),
  )
})

it('refuses a pool that has no connection to spare', () => {
  expect(() => readOptions({ pool: new Pool({ max: 1 }) })).toThrow(
    expect.objectContaining({ code: 'configuration', field: 'pool' }),
  )
  expect(() => readOptions({})).toThrow(expect.objectContaining({ field: 'address' }))
})
