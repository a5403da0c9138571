import { readSettings } from '@qcore/service'
import { describe, expect, it } from 'vitest'
import { assertConsistent, authVariables } from './config.ts'

const secret = 'signing-secret-of-the-tests-0123456789'
const master = 'master-token-of-the-tests-0123456789'

describe('Q_MASTER_TOKEN', () => {
  it.each([undefined, '', 'short', 'x'.repeat(31), `${'x'.repeat(20)} ${'y'.repeat(20)}`])(
    'is refused when it is %j',
    (value) => {
      expect(() => readSettings(authVariables, { Q_AUTH_SECRET: secret, Q_MASTER_TOKEN: value })).toThrowError(
        expect.objectContaining({
          code: 'configuration',
          field: 'Q_MASTER_TOKEN',
          message: expect.stringContaining('Q_MASTER_TOKEN'),
        }),
      )
    },
  )

  it('is not the secret that signs tokens', () => {
    const config = readSettings(authVariables, { Q_AUTH_SECRET: secret, Q_MASTER_TOKEN: secret })
    expect(() => assertConsistent(config)).toThrowError(
      expect.objectContaining({ code: 'configuration', field: 'Q_MASTER_TOKEN' }),
    )
    expect(() => assertConsistent({ ...config, masterToken: master })).not.toThrow()
  })
})
