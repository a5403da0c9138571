import { hostname } from 'node:os'
import { readSettings } from '@qcore/service'
import { describe, expect, it } from 'vitest'
import { applicationVariables, connectionOf, instanceIdOf } from './application-variables.ts'

const read = (env: Record<string, string>) => readSettings(applicationVariables, env)

describe('the settings of an application', () => {
  it('name the instance as told, after the container, or as no other', () => {
    expect(instanceIdOf(read({ Q_INSTANCE_ID: 'one', Q_IN_DOCKER: 'true' }))).toBe('one')
    expect(instanceIdOf(read({ Q_IN_DOCKER: 'true' }))).toBe(hostname())
    for (const unset of [{}, { Q_IN_DOCKER: '' }, { Q_IN_DOCKER: 'False' }, { Q_IN_DOCKER: '0' }]) {
      const id = instanceIdOf(read(unset))
      expect(id).not.toBe(hostname())
      expect(instanceIdOf(read(unset))).not.toBe(id)
    }
  })

  it('have the defaults of qlib for the leadership store', () => {
    expect(read({})).toMatchObject({ leaderStoreAddress: 'redis:6379', leaderStorePassword: undefined })
    expect(() => read({ Q_LEADER_STORE_ADDR: 'somewhere' })).toThrow(
      expect.objectContaining({ code: 'configuration', field: 'Q_LEADER_STORE_ADDR' }),
    )
  })

  it('say where the store is', () => {
    expect(connectionOf(read({ Q_NATS_ADDR: 'nats://h:1', Q_STORE: 's', Q_TOKEN: 't' }))).toEqual({
      servers: 'nats://h:1',
      store: 's',
      token: 't',
    })
    expect(connectionOf(read({}))).toEqual({ servers: 'nats://nats:4222', store: 'main' })
  })
})
