import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { commit, connect, QError, type Client } from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

let store: TestStore
let q: Client
let type = ''
let run = 0

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'notifier'])
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: await store.mint() })
}, 60_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

beforeEach(async () => {
  type = `Tank${run++}`
  await q.setSchema({ type, fields: { Level: 'Int', Label: 'String', Peer: 'EntityReference' } })
  await q.create(type, { parent: 'root', name: 'one', id: `${type}-1`, fields: { Level: 5n, Label: '7' } })
})

const one = (): string => `${type}-1`

/** The error that ends a subscription. */
async function endOf(closed: Promise<void>): Promise<QError | undefined> {
  return closed.then(
    () => undefined,
    (error: unknown) => (error instanceof QError ? error : undefined),
  )
}

describe('altering a type', () => {
  it('is seen by every kind of read at once', async () => {
    await q.readMany([{ entity: one(), path: 'Level' }])
    const { revision } = await q.alterType(type, [
      { rename: 'Level', to: 'Height' },
      { retype: 'Height', field: 'Float' },
      { retype: 'Label', field: 'Int' },
      { remove: 'Peer' },
      { add: 'Open', field: { type: 'Bool', default: true } },
    ])
    expect(await q.read(one(), 'Height')).toMatchObject({ type: 'Float', value: 5, revision })
    expect(await q.read(one(), 'Label')).toMatchObject({ type: 'Int', value: 7n })
    expect(await q.read(one(), 'Open')).toMatchObject({ value: true, revision })
    for (const gone of ['Level', 'Peer']) {
      await expect(q.read(one(), gone)).rejects.toMatchObject({ code: 'unknown_field' })
    }
    const found = await q.find(type, { where: { Height: { gte: 5 }, Label: 7n }, select: ['Height'] }).toArray()
    expect(found).toMatchObject([{ id: one(), fields: { Height: { value: 5 } } }])
    await q.write(one(), 'Label', 8n)
    expect((await q.schema(type)).revision).toBe(revision)
  })

  it('keeps the versions of the type, also of one that was deleted', async () => {
    await q.alterType(type, [
      { rename: 'Level', to: 'Height' },
      { retype: 'Height', field: 'String' },
      { remove: 'Label' },
    ])
    await expect(q.deleteType(type)).rejects.toMatchObject({ code: 'type_in_use' })
    await q.delete(one())
    await q.deleteType(type)
    await expect(q.schema(type)).rejects.toMatchObject({ code: 'unknown_type' })
    expect(await q.types()).not.toContain(type)
    const versions = await q.schemaVersions(type)
    expect(versions.map(({ fields }) => Object.keys(fields))).toEqual([
      ['Level', 'Label', 'Peer'],
      ['Height', 'Peer'],
    ])
    expect(versions.map(({ replacedRevision }) => replacedRevision)).toEqual([versions[1]?.revision, q.revision])
    await expect(q.schemaVersions('Never')).rejects.toMatchObject({ code: 'unknown_type' })
  })

  it('is planned without being done', async () => {
    await q.create(type, { parent: 'root', name: 'two', id: `${type}-2`, fields: { Label: 'seven' } })
    const plan = await q.plan(commit().alterType(type, [{ retype: 'Label', field: 'Int' }]))
    expect(plan.types).toMatchObject([
      {
        entities: 2,
        fields: [{ field: 'Label', kind: 'retyped', values: 2 }],
        obstacles: [{ entityId: `${type}-2`, field: 'Label' }],
        obstacleCount: 1,
      },
    ])
    await expect(q.alterType(type, [{ retype: 'Label', field: 'Int' }])).rejects.toMatchObject({
      code: 'conversion_refused',
    })
    expect((await q.schema(type)).fields['Label']?.type).toBe('String')
  })

  it('does not confuse a client that remembers what the type was', async () => {
    await using other = await connect({ servers: inject('natsUrl'), store: store.name, token: await store.mint() })
    await other.write(one(), 'Level', 6)
    await other.find(type, { where: { Level: 6 } }).toArray()
    await q.alterType(type, [{ retype: 'Level', field: 'Float' }])
    await other.write(one(), 'Level', 6.5)
    expect(await other.find(type, { where: { Level: 6.5 } }).toArray()).toHaveLength(1)
    await q.alterType(type, [{ retype: 'Level', field: 'String' }])
    expect(await other.find(type, { where: { Level: '6.5' } }).toArray()).toHaveLength(1)
  })
})

describe('a subscription', () => {
  it('to a field that is removed, renamed or retyped ends with everything before it, and says so', async () => {
    const seen: unknown[] = []
    const subscribe = (target: { type: string } | { entity: string }, field: string) =>
      q.notify({ ...target, fields: [field] }, ({ name, current }) => void seen.push([name, current.value]))
    const [level, label, peer] = await Promise.all([
      subscribe({ type }, 'Level'),
      subscribe({ entity: one() }, 'Label'),
      subscribe({ type }, 'Peer'),
    ])
    await q.write(one(), 'Level', 6n)
    const { revision } = await q.alterType(type, [
      { rename: 'Level', to: 'Height' },
      { retype: 'Label', field: 'Int' },
    ])
    const [levelEnd, labelEnd] = await Promise.all([endOf(level.closed), endOf(label.closed)])
    expect([levelEnd?.code, labelEnd?.code]).toEqual(['schema_changed', 'schema_changed'])
    expect(seen).toEqual([['Level', 6n]])
    expect(levelEnd?.metadata).toMatchObject({ field_name: 'Level', revision: `${revision}` })
    // The others that shared the stream go on.
    await q.write(one(), 'Peer', one())
    await expect.poll(() => seen.length).toBe(2)
    expect(seen[1]).toEqual(['Peer', one()])
    await peer[Symbol.asyncDispose]()
  })

  it('to other fields of the type goes on', async () => {
    const seen: unknown[] = []
    const target = { type, fields: ['Label'], context: ['Level'] }
    await using _subscription = await q.notify(target, ({ current, context }) => {
      const [level] = context
      seen.push([current.value, level !== undefined && 'problem' in level ? level.problem.code : level?.value])
    })
    await q.write(one(), 'Label', 'a')
    await q.alterType(type, [{ retype: 'Level', field: 'String' }])
    await q.write(one(), 'Label', 'b')
    await q.alterType(type, [{ remove: 'Level' }])
    await q.write(one(), 'Label', 'c')
    await expect.poll(() => seen.length).toBe(3)
    expect(seen).toEqual([
      ['a', 5n],
      ['b', '5'],
      ['c', 'unknown_field'],
    ])
  })

  it('that is resumed from before the change gets what was before it, and then the same end', async () => {
    const from = q.revision
    await q.write(one(), 'Level', 6n)
    await q.alterType(type, [{ retype: 'Level', field: 'Float' }])
    await q.write(one(), 'Level', 7)
    const seen: unknown[] = []
    const subscription = await q.notify({ type, fields: ['Level'] }, ({ current }) => void seen.push(current.value), {
      resumeAfter: { revision: from },
    })
    const end = await endOf(subscription.closed)
    expect(end).toMatchObject({ code: 'schema_changed', metadata: { field_name: 'Level' } })
    expect(seen).toEqual([6n])
    await using _next = await q.notify({ type, fields: ['Level'] }, ({ current }) => void seen.push(current.value), {
      resumeAfter: { revision: Number(end?.metadata['resume_after']) },
    })
    await expect.poll(() => seen).toEqual([6n, 7])
  })

  it('to SchemaUpdateTrigger of the root hears of every change of a type', async () => {
    let heard = 0
    await using _subscription = await q.notify(
      { type: 'Root', fields: ['SchemaUpdateTrigger'], trigger: 'write' },
      () => void heard++,
    )
    await q.alterType(type, [{ rename: 'Level', to: 'Height' }])
    await q.setSchema({ type: `${type}New`, fields: {} })
    await q.deleteType(`${type}New`)
    await expect.poll(() => heard).toBe(3)
  })
})
