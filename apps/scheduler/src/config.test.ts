import { readSettings } from '@qcore/service'
import { describe, expect, it } from 'vitest'
import { assertConsistent, schedulerVariables } from './config.ts'

const env = { Q_AUTH_SECRET: '0123456789012345678901234567890123456789' }

describe('the time that a receiver has', () => {
  it('fits into the lease by default', () => {
    expect(() => assertConsistent(readSettings(schedulerVariables, env))).not.toThrow()
  })

  it('is less than three quarters of the lease', () => {
    const read = (timeoutMs: number) =>
      readSettings(schedulerVariables, {
        ...env,
        Q_SCHEDULER_LEASE_MS: '20000',
        Q_WEBHOOK_TIMEOUT_MS: String(timeoutMs),
      })
    expect(() => assertConsistent(read(14_999))).not.toThrow()
    for (const timeoutMs of [15_000, 15_001]) {
      expect(() => assertConsistent(read(timeoutMs))).toThrowError(
        expect.objectContaining({ code: 'configuration', field: 'Q_WEBHOOK_TIMEOUT_MS' }),
      )
    }
  })
})
