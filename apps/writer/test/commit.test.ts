import { ValueType } from '@qcore/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from '@qcore/service'
import { createWriter } from '../src/service.ts'
import {
  createEntity,
  openTestStore,
  resultIds,
  setSchema,
  silent,
  uniqueStore,
  whenServed,
  write,
  writerConfig,
  type TestStore,
} from './_writer-client.ts'

let writer: Service
let test: TestStore
let root: string

beforeAll(async () => {
  const store = uniqueStore()
  writer = await createWriter(writerConfig(store), { logger: silent })
  test = await openTestStore(store)
  await whenServed(() =>
    test.commits.commit({
      mutations: [
        setSchema({
          type: 'Machine',
          fields: [
            { name: 'Count', valueType: ValueType.INT },
            { name: 'Label', valueType: ValueType.STRING },
            { name: 'Peer', valueType: ValueType.ENTITY_REFERENCE },
            { name: 'Peers', valueType: ValueType.ENTITY_LIST },
          ],
        }),
      ],
    }),
  )
  root = await test.rootId()
})

afterAll(async () => {
  await writer[Symbol.asyncDispose]()
  await test[Symbol.asyncDispose]()
})

describe('a commit', () => {
  it('creates an entity and writes its field', async () => {
    const created = await test.commits.commit({ mutations: [createEntity('Machine', root, 'm1')] })
    const [id = ''] = resultIds(created)
    const written = await test.commits.commit({ mutations: [write(id, 'Count', { case: 'int', value: 7n })] })
    expect(written.revision).toBe(created.revision + 1n)
    const entity = await test.entity(id)
    expect(entity).toMatchObject({ name: 'm1', type: 'Machine', parentId: root, depth: 2 })
    const log = await test.log()
    expect(log.map(({ revision }) => Number(revision))).toEqual(log.map((_, index) => index + 1))
  })
})
