import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { CoreSystem } from '../src/index.ts'
import { note, notes, numbers, patience, settled } from './_handled.ts'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let system: CoreSystem
let namespaces = 0

beforeAll(async () => {
  store = await startStore()
})
afterAll(() => store[Symbol.asyncDispose]())

beforeEach(async () => {
  namespaces += 1
  system = await store.system({ namespace: `demo-${namespaces}` })
})
afterEach(() => system.close())

describe('connecting', () => {
  it('to a database that is not there fails, and says where', async () => {
    const connecting = store.system({ connectionString: 'postgres://u:p@127.0.0.1:1/x' })
    await expect(connecting).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('127.0.0.1:1') as string,
    })
  })

  it('twice at once makes the inbox once', async () => {
    await store.pool.query('drop table if exists qcore_inbox')
    const systems = await Promise.all(numbers(4).map(() => store.system()))
    await Promise.all(systems.map((each) => each.close()))
  })

  it('registers the namespace', async () => {
    const namespaces = await system.client.events.namespaces()
    const found = namespaces.find(({ name }) => name === system.namespace)
    expect([found?.description, found?.metadata]).toEqual(['', {}])
    expect(found?.createdAt.micros).toBeGreaterThan(0n)
  })

  it('needs no right to make tables where the inbox is there', async () => {
    const role = `${store.name}_role`
    const address = new URL(store.connectionString)
    address.username = role
    address.password = 'secret'
    await store.pool.query(`create role ${role} login password 'secret'`)
    try {
      await store.pool.query(`grant usage on schema ${store.name}_app to ${role}`)
      await store.pool.query(`grant select, insert, delete on all tables in schema ${store.name}_app to ${role}`)
      await using limited = await store.system({ namespace: system.namespace, connectionString: address.href })
      const node = await limited.registerNode()
      await node.onEvent('a', (event, context) => note(event, context, 'limited'))
      const id = await node.emit('a')
      await settled(system, node)
      expect(await notes(store, id)).toEqual(['limited'])
    } finally {
      await store.pool.query(`drop owned by ${role}`)
      await store.pool.query(`drop role ${role}`)
    }
  })

  it('with a namespace that is none is refused', async () => {
    await expect(store.system({ namespace: 'a b' })).rejects.toMatchObject({ code: 'invalid_request', field: 'name' })
  })

  it('without a database leaves handlers without one', async () => {
    await using plain = await CoreSystem.connect({ qcore: store.qcore, namespace: `plain-${namespaces}` })
    const node = await plain.registerNode()
    const seen: unknown[] = []
    await node.onEvent('a', (_event, context) => {
      try {
        void context.client
      } catch (error) {
        seen.push(error)
      }
    })
    await node.emit('a')
    await node.start()
    await vi.waitFor(() => expect(seen).toMatchObject([{ code: 'configuration' }]), patience)
  })
})
