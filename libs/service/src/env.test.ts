import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { printSettings, readSettings } from './env.ts'
import { address, hostAndPort, oneOf, text, truth, variable, wholeNumber } from './variable.ts'

const variables = {
  count: variable('Q_COUNT', wholeNumber(1, 10), 'A count.', { default: '3' }),
  web: variable('Q_WEB', hostAndPort().optional(), 'Where to listen.'),
  database: variable('Q_DB_ADDR', address('postgres:'), 'The database.', {
    default: 'postgres://someone:hidden@host/db',
    secret: true,
  }),
  level: variable('Q_LEVEL', oneOf(['low', 'high']), 'The level.', { default: 'low' }),
  on: variable('Q_ON', truth(), 'On.', { default: 'false' }),
}

describe('readSettings', () => {
  it('takes defaults, and an empty variable for unset', () => {
    expect(readSettings(variables, { Q_COUNT: '', Q_WEB: '' })).toEqual({
      count: 3,
      web: undefined,
      database: 'postgres://someone:hidden@host/db',
      level: 'low',
      on: false,
    })
  })

  it('reads hosts with ports, IPv6 included', () => {
    expect(readSettings(variables, { Q_WEB: '[::1]:80' }).web).toEqual({ host: '::1', port: 80 })
    expect(readSettings(variables, { Q_WEB: '127.0.0.1:20000' }).web).toEqual({ host: '127.0.0.1', port: 20_000 })
  })

  it.each([
    ['Q_COUNT', '11'],
    ['Q_COUNT', '1.5'],
    ['Q_COUNT', '-1'],
    ['Q_WEB', 'nowhere'],
    ['Q_WEB', 'host:99999'],
    ['Q_DB_ADDR', 'mysql://host'],
    ['Q_DB_ADDR', 'host:5432'],
    ['Q_LEVEL', 'middle'],
    ['Q_ON', 'yes'],
  ])('names the variable when %s is %j', (name, value) => {
    expect(() => readSettings(variables, { [name]: value })).toThrowError(
      expect.objectContaining({ code: 'configuration', field: name, message: expect.stringContaining(`${name}: `) }),
    )
  })

  it('says what is missing when a variable without default is unset', () => {
    const required = { secret: variable('Q_SECRET', text(), 'The secret.', { secret: true }) }
    expect(() => readSettings(required, {})).toThrowError(
      expect.objectContaining({ field: 'Q_SECRET', message: 'Q_SECRET is not set: The secret.' }),
    )
  })

  it('reads a secret from a file, never puts a secret into an error, and names a file that cannot be read', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'qcore-env-')), 'secret')
    writeFileSync(file, 'postgres://from-file/db\n')
    expect(readSettings(variables, { Q_DB_ADDR_FILE: file }).database).toBe('postgres://from-file/db')
    expect(() => readSettings(variables, { Q_DB_ADDR: 'hush' })).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining('hush') }),
    )
    expect(() => readSettings(variables, { Q_DB_ADDR_FILE: `${file}.gone` })).toThrowError(
      expect.objectContaining({ field: 'Q_DB_ADDR_FILE' }),
    )
  })
})

describe('printSettings', () => {
  it('shows what is in force and hides secrets', () => {
    const printed = printSettings(
      { ...variables, key: variable('Q_KEY', text(), 'A key.', { secret: true }) },
      { Q_COUNT: '4', Q_KEY: 'hidden-key' },
    )
    expect(printed).toContain('Q_COUNT=4')
    expect(printed).toContain('Q_DB_ADDR=postgres://someone:xxxxx@host/db')
    expect(printed).not.toContain('hidden')
  })
})
