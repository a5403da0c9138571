import { readSettings } from '@qcore/service'
import { describe, expect, it } from 'vitest'
import { assertConsistent, writerVariables } from './config.ts'

const env = { Q_AUTH_SECRET: '0123456789012345678901234567890123456789' }

describe('the settings of the lease', () => {
  it('have defaults that fit together', () => {
    const config = readSettings(writerVariables, env)
    expect(config).toMatchObject({ leaseMs: 5_000, leaseRenewMs: 1_500, leaseMarginMs: 1_000, retentionHours: 24 })
    expect(() => assertConsistent(config)).not.toThrow()
  })

  it('leave time for a second renewal', () => {
    const config = readSettings(writerVariables, { ...env, Q_WRITER_LEASE_RENEW_MS: '2500' })
    expect(() => assertConsistent(config)).toThrowError(
      expect.objectContaining({ code: 'configuration', field: 'Q_WRITER_LEASE_MS' }),
    )
  })
})
