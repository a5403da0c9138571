import { readSettings } from '@qcore/service'
import { describe, expect, it } from 'vitest'
import { gatewayVariables, type GatewayConfig } from './config.ts'

const secret = 'signing-secret-of-the-tests-0123456789'
const read = (env: Record<string, string>): GatewayConfig =>
  readSettings(gatewayVariables, { Q_AUTH_SECRET: secret, ...env })

describe('the settings of the gateway', () => {
  it('have the defaults that are documented', () => {
    expect(read({})).toMatchObject({
      webAddress: { host: '0.0.0.0', port: 20_000 },
      webOrigins: [],
      maxTimeoutMs: 30_000,
      maxBodyBytes: 1_032_192,
      ratePerToken: 0,
      ratePerAddress: 0,
    })
  })

  it('leave room for the headers in a message of NATS', () => {
    const { maxBodyBytes, maxHeaderBytes } = read({})
    expect(maxBodyBytes + maxHeaderBytes).toBe(1_048_576)
  })

  it('take a list of origins', () => {
    expect(read({ Q_WEB_ORIGINS: ' https://a.example, http://localhost:5173 ,' }).webOrigins).toEqual([
      'https://a.example',
      'http://localhost:5173',
    ])
    expect(read({ Q_WEB_ORIGINS: '*' }).webOrigins).toEqual(['*'])
  })

  it.each([
    ['Q_WEB_ORIGINS', 'a.example'],
    ['Q_WEB_ORIGINS', 'https://a.example/path'],
    ['Q_WEB_ORIGINS', 'https://*.example'],
    ['Q_WEB_ADDR', '20000'],
    ['Q_MAX_TIMEOUT_MS', '0'],
    ['Q_WEB_MAX_BODY_BYTES', '1MB'],
    ['Q_WEB_RATE_PER_TOKEN', '-1'],
  ])('refuse %s=%s and name it', (name, value) => {
    expect(() => read({ [name]: value })).toThrowError(expect.objectContaining({ code: 'configuration', field: name }))
  })

  it('need the secret of the deployment', () => {
    expect(() => readSettings(gatewayVariables, {})).toThrowError(expect.objectContaining({ field: 'Q_AUTH_SECRET' }))
  })
})
