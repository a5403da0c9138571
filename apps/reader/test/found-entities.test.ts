import { ValueType } from '@qcore/contracts'
import type { RawMutation } from '@qcore/replica/testing'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { latest, schemaOf, startReader, thing, type TestReader } from './_reader.ts'

let reader: TestReader

beforeEach(async () => {
  reader = await startReader({
    prepare: async (raw) => {
      await raw.commit([{ kind: 'schema', schema: schemaOf('Thing', { Count: ValueType.INT }) }])
      await raw.commit([thing('root', ''), thing('a', 'root'), thing('b', 'a')])
    },
  })
})

afterEach(() => reader[Symbol.asyncDispose]())

/** What finds tell of each thing, by id. */
async function found(): Promise<object[]> {
  const { entities } = await reader.client.findEntities({ type: 'Thing', consistency: latest })
  return entities.map(({ entity }) => ({
    id: entity?.id,
    name: entity?.name,
    parentId: entity?.parentId,
    structureRevision: Number(entity?.structureRevision),
  }))
}

function expected(): object[] {
  return [...reader.raw.state.entities.values()]
    .map(({ id, name, parentId, structureRevision }) => ({ id, name, parentId, structureRevision }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

test('what is found again and again is as it was changed meanwhile', async () => {
  let serial = 0
  const leaves: string[] = []
  const fields: Record<string, ValueType> = { Count: ValueType.INT }
  const mutations: Readonly<Record<string, () => RawMutation>> = {
    create: () => {
      leaves.push(`leaf${++serial}`)
      return thing(`leaf${serial}`, 'b')
    },
    delete: () => {
      const id = leaves.pop()
      return id === undefined ? { kind: 'move', id: 'b', name: 'b' } : { kind: 'delete', id }
    },
    rename: () => ({ kind: 'move', id: 'a', name: `a${++serial}` }),
    move: () => ({ kind: 'move', id: 'b', parentId: serial++ % 2 === 0 ? 'root' : 'a' }),
    write: () => ({ kind: 'write', id: 'a', field: 'Count', value: BigInt(++serial) }),
    schema: () => {
      fields[`Field${++serial}`] = ValueType.INT
      return { kind: 'schema', schema: schemaOf('Thing', fields) }
    },
  }
  const step = fc.oneof({ weight: 8, arbitrary: fc.constant('find') }, fc.constantFrom(...Object.keys(mutations)))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 40 }), async (steps) => {
      for (const each of steps) {
        const mutation = mutations[each]?.()
        if (mutation === undefined) expect(await found()).toEqual(expected())
        else await reader.commit(mutation)
      }
    }),
    { numRuns: 15 },
  )
}, 60_000)
