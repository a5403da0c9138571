import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { commit, connect, type Client } from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let q: Client

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'notifier'])
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: await store.mint() })
  await q.setSchema({ type: 'List', fields: {}, childOrder: 'explicit' })
  await q.setSchema({ type: 'Team', fields: {}, uniqueChildNames: true })
  await q.setSchema({ type: 'Task', fields: { Done: 'Bool' } })
}, 60_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

async function names(parent: string): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of q.children(parent, { pageSize: 2 })) found.push(name)
  return found
}

describe('children', () => {
  it('come in the order in which they were placed, also page by page, by path and in a find', async () => {
    await q.create('List', { parent: 'root', name: 'list', id: 'list' })
    expect(await names('list')).toEqual([])
    await q.create('Task', { parent: 'list', name: 'c', id: 'c' })
    await q.create('Task', { parent: 'list', name: 'b', id: 'b' })
    await q.create('Task', { parent: 'list', name: 'a', id: 'a', before: 'b' })
    expect(await names('list')).toEqual(['c', 'a', 'b'])
    expect((await q.read('list', 'Children->0->Name')).value).toBe('c')
    await q.move('c', { before: 'b' })
    await q.rename('a', 'z')
    expect(await names('list')).toEqual(['z', 'c', 'b'])
    expect((await q.read('list', 'Children')).value).toEqual(['a', 'c', 'b'])
    expect((await q.read('list', 'z->Name')).value).toBe('z')
    const [found] = await q.find('List', { select: ['Children'] }).toArray()
    expect(found?.fields['Children']?.value).toEqual(['a', 'c', 'b'])
  })

  it('have different names where the type says so', async () => {
    await q.create('Team', { parent: 'root', name: 'team', id: 'team' })
    await q.create('Task', { parent: 'team', name: 'one' })
    await expect(q.create('Task', { parent: 'team', name: 'one' })).rejects.toMatchObject({ code: 'name_taken' })
    expect(await q.schema('Team')).toMatchObject({ uniqueChildNames: true, childOrder: 'name' })
    // What was read can be set again.
    expect((await q.setSchema(await q.schema('Team'))).results).toMatchObject([{ changed: false }])
  })
})

describe('an entity that is renamed or moved', () => {
  it('is at once where it was put, for every kind of read', async () => {
    await q.commit(
      commit()
        .create('Task', { parent: 'root', name: 'x', id: 'x' })
        .create('Task', { parent: 'x', name: 'y', id: 'y' }),
    )
    expect((await q.read('y', 'Parent->Name')).value).toBe('x')
    const { revision } = await q.rename('x', 'ex')
    expect(await q.get('x')).toMatchObject({ name: 'ex' })
    expect(await q.read('y', 'Parent->Name')).toMatchObject({ value: 'ex', revision })
    await q.move('y', { parent: 'root' })
    expect(await q.get('y')).toMatchObject({ parentId: 'root' })
    expect(await names('x')).toEqual([])
    await expect(q.move('root', { parent: 'x' })).rejects.toMatchObject({ code: 'root_protected' })
    await q.move('x', { parent: 'y' })
    await expect(q.move('y', { parent: 'x' })).rejects.toMatchObject({ code: 'cycle' })
  })

  it('is named in context as it was at the revision of the change, also when that is replayed', async () => {
    await q.create('Task', { parent: 'root', name: 'before', id: 'named' })
    const { revision } = await q.write('named', 'Done', true)
    await q.rename('named', 'after')
    await q.write('named', 'Done', false)
    const target = { entity: 'named', fields: ['Done'], context: ['Name'] }
    const seen: unknown[] = []
    for await (const { context } of await q.notifications(target, { resumeAfter: { revision: revision - 1 } })) {
      seen.push(context[0] !== undefined && 'value' in context[0] ? context[0].value : undefined)
      if (seen.length === 2) break
    }
    expect(seen).toEqual(['before', 'after'])
  })
})
