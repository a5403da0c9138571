import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { commit, isQError, type Client, type Restore } from '../src/index.ts'
import { natsClient, startStore, type TestStore } from './_store.ts'

let store: TestStore
let q: Client

beforeEach(async () => {
  store = await startStore(['auth', 'reader', 'writer', 'notifier'])
  q = await natsClient(store, await store.mint({ subject: 'ada' }))
  await vi.waitFor(() => q.setSchema(deviceSchema), { timeout: 10_000 })
  await q.setSchema({ type: 'Room', fields: { Label: 'String' } })
  await q.commit(
    commit()
      .create('Room', { parent: 'root', name: 'Attic', id: 'attic' })
      .create('Device', {
        parent: 'attic',
        name: 'Lamp',
        id: 'lamp',
        fields: { Status: 'ON', Level: 5, Peer: 'attic' },
      })
      .create('Device', { parent: 'attic', name: 'Fan', id: 'fan', fields: { Peers: ['lamp', 'attic'] } })
      .create('Room', { parent: 'root', name: 'Cellar', id: 'cellar' }),
  )
})
afterEach(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

const deviceSchema = {
  type: 'Device',
  fields: {
    Status: { type: 'Choice', choices: ['OFF', 'ON'] },
    Level: 'Int',
    Peer: 'EntityReference',
    Peers: 'EntityList',
    Seen: 'Timestamp',
    Picture: 'BinaryFile',
  },
} as const

async function saved(client = q): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of client.snapshot()) text += decoder.decode(piece, { stream: true })
  return text
}

/** The lines of a file that say what the store holds; without revisions, which are the store's own. */
function contentOf(file: string): string[] {
  return file
    .split('\n')
    .slice(1, -2)
    .map((line) => line.replaceAll(/,?"(revision|createdRevision|structureRevision|id)":("\d+"|\d+)/g, ''))
    .sort()
}

const house = {
  type: 'House',
  fields: {},
  uniqueChildNames: true,
  childOrder: 'explicit',
} as const

const none = { created: 0, deleted: 0, changed: 0 }

describe('a restore', () => {
  it('of what the store is changes nothing', async () => {
    const before = await q.status()
    await using restore = await q.restore(await saved())
    expect(restore.plan).toMatchObject({ problemCount: 0, types: none, entities: none, fields: none })
    expect(await restore.apply()).toMatchObject({ revision: before.revision, time: undefined, logId: before.logId })
    expect(await q.status()).toMatchObject({ revision: before.revision, logId: before.logId })
  })

  it('makes the store what it was: planned, as one revision, with times and writers', async () => {
    const file = await saved()
    const before = await q.read('lamp', 'Level')
    const status = await q.status()
    await q.write('lamp', 'Level', 6)
    await q.delete('fan')
    await q.create('Device', { parent: 'cellar', name: 'New', id: 'new' })
    await q.setSchema({ type: 'Extra', fields: { Size: 'Int' } })
    await q.setSchema({ ...deviceSchema, fields: { ...deviceSchema.fields, Weight: 'Float' } })
    await using restore = await q.restore([file.slice(0, 1_000), Buffer.from(file.slice(1_000))])
    const { plan } = restore
    expect(plan).toMatchObject({
      revision: status.revision + 5,
      underId: '',
      problemCount: 0,
      snapshot: { store: store.name, revision: status.revision },
      types: { created: 0, deleted: 1, changed: 1 },
      entities: { created: 1, deleted: 1, changed: 0 },
      // With the field by which the root tells of changes of types.
      fields: { created: 0, deleted: 1, changed: 2 },
    })
    expect(plan.entityDifferences).toEqual([
      { restored: expect.objectContaining({ id: 'fan', name: 'Fan', parentId: 'attic' }) },
      { current: expect.objectContaining({ id: 'new' }) },
    ])
    const differences = new Map(plan.fieldDifferences.map((difference) => [difference.name, difference]))
    expect([...differences.keys()].sort()).toEqual(['Level', 'SchemaUpdateTrigger', 'Weight'])
    expect(differences.get('Level')).toMatchObject({
      entityId: 'lamp',
      current: { held: { value: 6n } },
      restored: { held: { value: 5n } },
    })
    expect(differences.get('Weight')).toMatchObject({ entityId: 'lamp', current: { held: { value: 0 } } })
    const applied = await restore.apply()
    expect(applied.revision).toBe(status.revision + 6)
    expect(contentOf(await saved())).toEqual(contentOf(file))
    const after = await q.read('lamp', 'Level')
    expect(after).toMatchObject({ value: 5n, writer: 'ada', revision: applied.revision })
    expect(after.writeTime).toEqual(before.writeTime)
    expect(await q.types()).toEqual(['Device', 'Folder', 'Room', 'Root'])
    expect(await q.exists('new')).toBe(false)
    expect((await q.read('fan', 'Peers')).value).toEqual(['lamp', 'attic'])
    const now = await q.status()
    expect(now).toMatchObject({ revision: applied.revision, oldestRevision: applied.revision + 1 })
    expect(now.logId).toBe(applied.logId)
    expect(now.logId).not.toBe(status.logId)
  })

  it('leaves a store that goes on as any other', async () => {
    const file = await saved()
    await q.delete('attic')
    await using restore = await q.restore(file)
    const { revision } = await restore.apply()
    expect((await q.write('lamp', 'Level', 9)).revision).toBe(revision + 1)
    expect((await q.read('lamp', 'Level')).value).toBe(9n)
    // References are known: deleting the target clears them.
    await q.delete('lamp')
    expect((await q.read('fan', 'Peers')).value).toEqual(['attic'])
    expect(await q.find('Device', { where: { Status: 'OFF' } }).toArray()).toMatchObject([{ id: 'fan' }])
  })

  it('fills another store', async () => {
    const file = await saved()
    await using other = await startStore(['auth', 'reader', 'writer'])
    await using client = await natsClient(other, await other.mint())
    await vi.waitFor(() => client.root(), { timeout: 10_000 })
    await client.setSchema({ type: 'Other', fields: { A: 'Int', B: 'Int' } })
    await using restore = await client.restore(q.snapshot())
    expect(restore.plan).toMatchObject({ types: { created: 2, deleted: 1 }, entities: { created: 4, deleted: 0 } })
    await restore.apply()
    expect(contentOf(await saved(client))).toEqual(contentOf(file))
    expect(await client.find('Device', { where: { Level: 5 } }).toArray()).toMatchObject([{ id: 'lamp' }])
    await client.create('Device', { parent: 'attic', name: 'More', fields: { Peer: 'lamp' } })
  })

  it('keeps the order of children, and refuses names that may not be the same', async () => {
    await q.setSchema(house)
    await q.create('House', { parent: 'root', name: 'House', id: 'house' })
    for (const id of ['c', 'a', 'b']) await q.create('Room', { parent: 'house', name: id, id })
    const file = await saved()
    await q.move('b', { before: 'a' })
    await q.delete('c')
    await using restore = await q.restore(file)
    expect(restore.plan.entities).toEqual({ created: 1, deleted: 0, changed: 1 })
    await restore.apply()
    expect((await q.children('house').toArray()).map(({ id }) => id)).toEqual(['c', 'a', 'b'])
    await q.create('Room', { parent: 'house', name: 'd', id: 'd', before: 'a' })
    expect((await q.children('house').toArray()).map(({ id }) => id)).toEqual(['c', 'd', 'a', 'b'])
    const wrong = await withDigest(file.replace('"type":"Room","name":"b"', '"type":"Room","name":"a"'))
    await using refused = await q.restore(wrong)
    expect(refused.plan.problems).toMatchObject([{ code: 'name_taken', field: 'b' }])
    await q.rename('d', 'c2')
    await q.rename('c', 'd2')
    await q.rename('d', 'c')
    await using part = await q.restore(file, { under: 'c' })
    expect(part.plan.problems).toMatchObject([{ code: 'name_taken' }])
    const placeless = await withDigest(file.replace(/(?<="id":"a",[^}]*),"place":"[^"]*"/, ''))
    await using unplaced = await q.restore(placeless)
    expect(unplaced.plan.problems).toMatchObject([{ code: 'invalid_request', field: 'a' }])
  })

  it('is refused if the store has moved since the plan, unless it may', async () => {
    const file = await saved()
    await q.write('lamp', 'Level', 6)
    await using restore = await q.restore(file)
    await q.write('lamp', 'Level', 7)
    await expect(restore.apply()).rejects.toMatchObject({ code: 'condition_failed', field: 'expected_revision' })
    expect((await q.read('lamp', 'Level')).value).toBe(7n)
    const applied = await restore.apply({ evenIfChanged: true })
    expect((await q.read('lamp', 'Level')).value).toBe(5n)
    expect(await restore.apply()).toEqual(applied)
  })

  it('tells every subscriber to start over', async () => {
    const file = await saved()
    await q.write('lamp', 'Level', 6)
    const heard: bigint[] = []
    const subscription = await q.notify({ entity: 'lamp', fields: ['Level'] }, ({ current }) => {
      heard.push(current.value as bigint)
    })
    const ended = subscription.closed.then(
      () => 'ended',
      (error: unknown) => (isQError(error) ? error.code : error),
    )
    await using restore = await q.restore(file)
    await restore.apply()
    expect(await ended).toBe('log_replaced')
    expect(heard).toEqual([])
    const again = await q.notify({ entity: 'lamp', fields: ['Level'] }, ({ current }) => {
      heard.push(current.value as bigint)
    })
    await q.write('lamp', 'Level', 8)
    await vi.waitFor(() => expect(heard).toEqual([8n]))
    await again.unsubscribe()
  })
})

describe('a restore of a part', () => {
  const under = async (file: string, entity: string): Promise<Restore> => q.restore(file, { under: entity })

  it('brings an entity back with what is below it, and leaves the rest as it is', async () => {
    const file = await saved()
    await q.delete('attic')
    await q.write('cellar', 'Label', 'kept')
    await q.create('Room', { parent: 'root', name: 'Later', id: 'later' })
    await using restore = await under(file, '/Attic')
    expect(restore.plan).toMatchObject({
      underId: 'attic',
      problemCount: 0,
      types: none,
      entities: { created: 3, deleted: 0, changed: 0 },
      fields: none,
    })
    await restore.apply()
    expect((await q.children('attic').toArray()).map(({ id }) => id)).toEqual(['fan', 'lamp'])
    expect((await q.read('fan', 'Peers')).value).toEqual(['lamp', 'attic'])
    expect((await q.read('cellar', 'Label')).value).toBe('kept')
    expect(await q.exists('later')).toBe(true)
  })

  it('deletes what is not in the file, and clears the references to it', async () => {
    const file = await saved()
    await q.create('Device', { parent: 'attic', name: 'New', id: 'new' })
    await q.create('Device', {
      parent: 'cellar',
      name: 'Holder',
      id: 'holder',
      fields: { Peer: 'new', Peers: ['new', 'lamp'] },
    })
    await using restore = await under(file, 'attic')
    expect(restore.plan).toMatchObject({
      entities: { created: 0, deleted: 1, changed: 0 },
      fields: { created: 0, deleted: 0, changed: 2 },
    })
    expect(restore.plan.fieldDifferences).toMatchObject([
      { entityId: 'holder', name: 'Peer', current: { held: { value: 'new' } }, restored: { held: { value: '' } } },
      { entityId: 'holder', name: 'Peers', restored: { held: { value: ['lamp'] } } },
    ])
    const { revision } = await restore.apply()
    expect(await q.exists('new')).toBe(false)
    expect(await q.read('holder', 'Peer')).toMatchObject({ value: '', writer: 'ada', revision })
    expect((await q.read('holder', 'Peers')).value).toEqual(['lamp'])
    expect(await q.find('Device', { where: { Peer: '' } }).toArray()).toHaveLength(2)
  })

  it('creates the types that are missing, and is refused where a type has become another', async () => {
    const file = await saved()
    const changed = file.replace('"name":"Level","value":{"int":"5"}', '"name":"Levels","value":{"int":"5"}')
    await using restore = await under(await withDigest(changed), 'lamp')
    expect(restore.plan.problems).toMatchObject([{ code: 'unknown_field', field: 'lamp.Levels' }])
    await expect(restore.apply()).rejects.toMatchObject({ code: 'restore_refused', field: 'lamp.Levels' })
    await using other = await startStore(['auth', 'reader', 'writer'])
    await using client = await natsClient(other, await other.mint())
    await vi.waitFor(() => client.root(), { timeout: 10_000 })
    await using part = await client.restore(file, { under: 'cellar' })
    expect(part.plan.types).toEqual({ created: 1, deleted: 0, changed: 0 })
    await part.apply()
    expect(await client.types()).toEqual(['Folder', 'Room', 'Root'])
  })

  it('is refused with a list of what it would leave dangling', async () => {
    const file = await saved()
    await q.delete('attic')
    await using restore = await under(file, 'lamp')
    expect(restore.plan.problemCount).toBe(2)
    expect(restore.plan.problems).toMatchObject([
      { code: 'unknown_entity', field: 'attic' },
      { code: 'unknown_entity', field: 'lamp.Peer' },
    ])
    await expect(restore.apply()).rejects.toMatchObject({ code: 'restore_refused' })
    expect(await q.exists('lamp')).toBe(false)
  })

  it('names an entity of the file', async () => {
    const file = await saved()
    await expect(under(file, 'nobody')).rejects.toMatchObject({ code: 'unknown_entity', field: 'under' })
    await expect(under(file, '/Attic/Nobody')).rejects.toMatchObject({ code: 'unknown_entity', field: 'under' })
  })
})

/** A file that was changed, with an end that fits. */
async function withDigest(file: string): Promise<string> {
  const end = file.lastIndexOf('\n', file.length - 2) + 1
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(file.slice(0, end)))
  return (
    file.slice(0, end) +
    file.slice(end).replace(/"sha256":"[0-9a-f]+"/, `"sha256":"${Buffer.from(digest).toString('hex')}"`)
  )
}

describe('a file', () => {
  it.each([
    ['cut between lines', (file: string) => file.slice(0, file.lastIndexOf('\n', file.length - 2) + 1)],
    ['cut in a line', (file: string) => file.slice(0, -20)],
    ['cut at the last line feed', (file: string) => file.slice(0, -1)],
    ['changed', (file: string) => file.replace('"choice":"ON"', '"choice":"OFF"')],
    ['without a line', (file: string) => file.replace(/\n\{"entity":[^\n]*/, '')],
    ['of another version', (file: string) => file.replace('"formatVersion":1', '"formatVersion":2')],
    ['that is empty', () => ''],
    ['that is something else', () => 'hello\n'],
    ['with more than a file', (file: string) => file + file],
    ['with a member that nobody knows', (file: string) => file.replace('{"header":{', '{"header":{"more":1,')],
  ])('%s is refused', async (_, change) => {
    await expect(q.restore(change(await saved()))).rejects.toMatchObject({ code: 'invalid_snapshot' })
  })

  it.each([
    ['type_mismatch', '{"choice":"ON"}', '{"int":"1"}', 'lamp.Status'],
    ['unknown_choice', '{"choice":"ON"}', '{"choice":"DIM"}', 'lamp.Status'],
    ['unknown_entity', '{"entityReference":"attic"}', '{"entityReference":"nobody"}', 'lamp.Peer'],
    ['invalid_request', '{"entityReference":"attic"}', '{"entityReference":"no id"}', 'lamp.Peer'],
    ['invalid_request', '["lamp","attic"]', '["lamp","lamp"]', 'fan.Peers'],
    ['unknown_field', '"name":"Level","value":{"int":"5"}', '"name":"Nothing","value":{"int":"5"}', 'lamp.Nothing'],
    ['unknown_entity', '"name":"Lamp","parentId":"attic"', '"name":"Lamp","parentId":"nowhere"', 'lamp'],
    ['unknown_type', '"type":"Room","name":"Cellar"', '"type":"Hole","name":"Cellar"', 'cellar'],
    ['root_protected', '"type":"Room","name":"Cellar"', '"type":"Root","name":"Cellar"', 'cellar'],
    ['invalid_request', '"name":"Cellar"', '"name":"a->b"', 'cellar'],
    ['entity_exists', '"id":"cellar"', '"id":"attic"', 'attic'],
  ])('with a content that no commit could have is planned with %s and not applied', async (code, from, to, field) => {
    const file = await saved()
    expect(file).toContain(from)
    await using restore = await q.restore(await withDigest(file.replace(from, to)))
    expect(restore.plan.problems.map((problem) => [problem.code, problem.field])).toContainEqual([code, field])
    expect(restore.plan.problemCount).toBe(restore.plan.problems.length)
    await expect(restore.apply()).rejects.toMatchObject({ code: 'restore_refused' })
    expect(await saved()).toContain(from)
  })
})

describe('a restore that is not applied', () => {
  it('can be abandoned, and is unknown then', async () => {
    const file = await saved()
    const restore = await q.restore(file)
    await restore.abandon()
    await restore.abandon()
    await expect(restore.apply()).rejects.toMatchObject({ code: 'unknown_restore' })
  })

  it('needs level admin', async () => {
    await using writer = await natsClient(store, await store.mint({ level: 'write' }))
    await expect(writer.restore('')).rejects.toMatchObject({ code: 'permission_denied', field: 'level' })
  })
})
