import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import {
  choice,
  commit,
  connect,
  string,
  Timestamp,
  type Client,
  type Entity,
  type Notification,
  type TypeSchemaInput,
} from '../src/index.ts'
import { startStore, type TestStore } from './_store.ts'

const device: TypeSchemaInput = {
  type: 'Device',
  description: 'something that can be switched',
  fields: {
    Status: { type: 'Choice', choices: ['OFF', 'ON'] },
    Level: { type: 'Int', default: 3n },
    Weight: 'Float',
    Label: 'String',
    Done: 'Bool',
    Picture: 'BinaryFile',
    Owner: 'EntityReference',
    SeenAt: 'Timestamp',
    Parts: 'EntityList',
    Formula: 'Transformation',
    Note: { type: 'String', unindexed: true, description: 'not searched for' },
  },
}

let store: TestStore
let token = ''

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'notifier', 'gateway'])
  token = await store.mint()
  await using q = await connect({ url: store.url, token })
  await q.setSchema({ type: 'Room', fields: {} })
  await q.setSchema(device)
}, 30_000)

afterAll(() => store[Symbol.asyncDispose]())

const ways = {
  NATS: () => connect({ servers: inject('natsUrl'), store: store.name, token }),
  HTTP: () => connect({ url: store.url, token }),
}

describe.each(['NATS', 'HTTP'] as const)('over %s', (way) => {
  let q: Client
  let folder: Entity

  beforeAll(async () => {
    q = await ways[way]()
    folder = await q.create('Room', { parent: await q.root(), name: `folder ${way}` })
  })

  afterAll(() => q.close())

  const createDevice = (name = 'lamp', fields = {}): Promise<Entity> =>
    q.create('Device', { parent: folder, name, fields })

  it('values of every type come back as they were written', async () => {
    const lamp = await createDevice()
    const values = {
      Status: 'ON',
      Level: 2n ** 62n + 1n,
      Weight: -0.1,
      Label: 'Grüße → 🌍',
      Done: true,
      Picture: { mediaType: 'image/png', content: new Uint8Array([0, 255]) },
      Owner: folder.id,
      SeenAt: new Timestamp(1_700_000_000_123_456n),
      Parts: [lamp.id, folder.id],
      Formula: '1 + 1',
    }
    await Promise.all(Object.entries(values).map(([field, value]) => q.write(lamp, field, value)))
    const { fields } = await q.readMany(Object.keys(values).map((path) => ({ entity: lamp, path })))
    expect(Object.fromEntries(fields.map(({ name, value }) => [name, value]))).toEqual(values)
    expect(fields.map(({ type }) => type)).toEqual([
      'Choice',
      'Int',
      'Float',
      'String',
      'Bool',
      'BinaryFile',
      'EntityReference',
      'Timestamp',
      'EntityList',
      'Transformation',
    ])
  })

  it('a number is taken for what the field is, a Date for a Timestamp', async () => {
    const lamp = await createDevice('numbers', { Level: 5, Weight: 5, SeenAt: new Date(5), Owner: folder })
    const { fields } = await q.readMany(['Level', 'Weight', 'SeenAt', 'Owner'].map((path) => ({ entity: lamp, path })))
    expect(fields.map(({ value }) => value)).toEqual([5n, 5, new Timestamp(5_000n), folder.id])
  })

  it('a new entity has the defaults of its type', async () => {
    const lamp = await createDevice('plain')
    const { fields } = await q.readMany(['Status', 'Level', 'Label', 'Parts'].map((path) => ({ entity: lamp, path })))
    expect(fields.map(({ value }) => value)).toEqual(['OFF', 3n, '', []])
  })

  it('a field tells who wrote it, when, and in which revision', async () => {
    const lamp = await createDevice()
    const before = Timestamp.now().micros
    const { revision, time } = await q.write(lamp, 'Level', 7)
    const field = await q.read(lamp, 'Level')
    expect(field).toMatchObject({ entityId: lamp.id, name: 'Level', writer: 'tester', revision })
    expect(field.writeTime).toEqual(time)
    expect(Math.abs(Number(field.writeTime.micros - before))).toBeLessThan(60_000_000)
    const at = new Timestamp(1_234_567n)
    await q.write(lamp, 'Level', 8, { writeTime: at })
    expect((await q.read(lamp, 'Level')).writeTime).toEqual(at)
  })

  it('a write of the same value changes nothing if asked so', async () => {
    const lamp = await createDevice()
    const first = await q.write(lamp, 'Level', 9)
    const second = await q.write(lamp, 'Level', 9, { ifChanged: true })
    expect(second.results).toEqual([{ entityId: lamp.id, changed: false, field: '' }])
    expect(second.time).toBeUndefined()
    expect((await q.read(lamp, 'Level')).revision).toBe(first.revision)
  })

  it('a field is written by a path, whose end says what a value is, also when it changes', async () => {
    const [lamp, fan] = [await createDevice(), await createDevice('fan')]
    await q.write(lamp, 'Owner', fan)
    const { results } = await q.write(lamp, 'Owner->Weight', 5)
    expect(results).toEqual([{ entityId: fan.id, changed: true, field: 'Weight' }])
    expect((await q.read(fan, 'Weight')).value).toBe(5)
    const { revision } = await q.write(lamp, 'Owner->Status', 'ON')
    await q.commit(commit().write(lamp, 'Owner->Status', 'OFF').ifRevision(fan, 'Status', revision))
    await q.commit(commit().write(lamp, 'Level', 1).ifValue(lamp, 'Owner->Status', 'OFF'))
    await expect(q.write(lamp, 'Owner->Owner->Level', 1)).rejects.toMatchObject({ code: 'broken_path' })
    await expect(q.write(lamp, 'Owner->Missing', 'text')).rejects.toMatchObject({ code: 'unknown_field' })
    await q.setSchema({ type: `Odd${way}`, fields: { Weight: 'String' } })
    const odd = await q.create(`Odd${way}`, { parent: folder, name: 'odd' })
    await q.write(lamp, 'Owner', odd)
    await q.write(lamp, 'Owner->Weight', 'light')
    expect((await q.read(odd, 'Weight')).value).toBe('light')
  })

  it('a transformation takes a text as its expression, and is fed any other value', async () => {
    const lamp = await createDevice()
    await q.write(lamp, 'Formula', '{"Label": "got " + string(value)}')
    for (const [input, label] of [
      [5, 'got 5'],
      [0.5, 'got 0.5'],
      [2n ** 62n, 'got 4611686018427387904'],
      [true, 'got true'],
      [string('a text'), 'got a text'],
    ] as const) {
      const { revision } = await q.write(lamp, 'Formula', input)
      expect(await q.read(lamp, 'Label')).toMatchObject({ value: label, revision })
    }
    await expect(q.write(lamp, 'Formula', [lamp])).rejects.toMatchObject({ code: 'expression_failed' })
    await expect(q.write(lamp, 'Formula', 'value +')).rejects.toMatchObject({
      code: 'invalid_expression',
      message: expect.stringContaining('line 1, column 7'),
    })
  })

  it('entities are created, read, listed and deleted', async () => {
    const parent = await createDevice('parent')
    const id = `given-${randomUUID()}`
    const child = await q.create('Device', { parent, name: 'child', id })
    expect(child).toMatchObject({ id, type: 'Device', name: 'child', parentId: parent.id })
    await expect(q.get(id)).resolves.toEqual(child)
    await q.create('Device', { parent, name: 'another' })
    expect((await q.children(parent).toArray()).map(({ name }) => name)).toEqual(['another', 'child'])
    await expect(q.exists(child)).resolves.toBe(true)
    await q.delete(parent)
    await expect(Promise.all([q.exists(parent), q.exists(child)])).resolves.toEqual([false, false])
    await expect(q.get(id)).rejects.toMatchObject({ code: 'unknown_entity' })
  })

  it('a path follows references, parents and names', async () => {
    const lamp = await createDevice(`lamp ${randomUUID()}`, { Owner: folder })
    const { fields } = await q.readMany([
      { entity: lamp, path: 'Owner->Name' },
      { entity: lamp, path: 'Parent->Name' },
      { entity: folder, path: `${lamp.name}->Level` },
    ])
    expect(fields.map(({ value }) => value)).toEqual([folder.name, folder.name, 3n])
    expect(fields.map(({ entityId }) => entityId)).toEqual([folder.id, folder.id, lamp.id])
  })

  it('a commit is one revision, whatever it contains', async () => {
    const id = randomUUID()
    const lamp = await createDevice()
    const { revision, results } = await q.commit(
      commit()
        .create('Device', { parent: folder, name: 'made', id, fields: { Label: 'x' } })
        .write(id, 'Status', 'ON')
        .write(lamp, 'Owner', id),
    )
    expect(results.map(({ entityId }) => entityId)).toEqual([id, id, lamp.id])
    const { fields } = await q.readMany([
      { entity: id, path: 'Status' },
      { entity: lamp, path: 'Owner' },
    ])
    expect(fields.map((field) => field.revision)).toEqual([revision, revision])
  })

  it('a commit whose condition does not hold changes nothing', async () => {
    const lamp = await createDevice()
    const { revision } = await q.read(lamp, 'Level')
    await q.commit(commit().write(lamp, 'Level', 1).ifRevision(lamp, 'Level', revision).ifValue(lamp, 'Status', 'OFF'))
    for (const builder of [
      commit().ifRevision(lamp, 'Level', revision),
      commit().ifValue(lamp, 'Status', choice('ON')),
      commit().ifExists('nobody'),
      commit().ifAbsent(lamp),
    ]) {
      await expect(q.commit(builder.write(lamp, 'Level', 2))).rejects.toMatchObject({ code: 'condition_failed' })
    }
    await expect(q.read(lamp, 'Level')).resolves.toMatchObject({ value: 1n })
  })

  it('a commit with a key that was used is the same commit', async () => {
    const lamp = await createDevice()
    const idempotencyKey = randomUUID()
    const builder = () => commit().write(lamp, 'Level', 4)
    const first = await q.commit(builder(), { idempotencyKey })
    await q.write(lamp, 'Level', 5)
    await expect(q.commit(builder(), { idempotencyKey })).resolves.toEqual(first)
    await expect(q.read(lamp, 'Level')).resolves.toMatchObject({ value: 5n })
    await expect(q.commit(commit().write(lamp, 'Level', 6), { idempotencyKey })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
  })

  it('errors name what is wrong', async () => {
    const lamp = await createDevice()
    const root = await q.root()
    const failures = await Promise.allSettled([
      q.read(lamp, 'Nothing'),
      q.read('nobody', 'Level'),
      q.read('not an id', 'Level'),
      q.write(lamp, 'Nothing', 'x'),
      q.write('nobody', 'Level', 1),
      q.write(lamp, 'Status', 'BROKEN'),
      q.write(lamp, 'Level', 1.5),
      q.create('Nothing', { parent: folder, name: 'x' }),
      q.create('Device', { parent: 'nobody', name: 'x' }),
      q.schema('Nothing'),
      q.delete(root),
      q.find('Device', { where: { Note: 'x' } }).page(),
      q.setSchema({ type: 'Device', fields: { Level: 'Int' } }),
    ])
    expect(
      failures.map((each) => (each.status === 'rejected' ? (each.reason as { code: string }).code : 'none')),
    ).toEqual([
      'unknown_field',
      'unknown_entity',
      'invalid_request',
      'unknown_field',
      'unknown_entity',
      'unknown_choice',
      'type_mismatch',
      'unknown_type',
      'unknown_entity',
      'unknown_type',
      'root_protected',
      'invalid_filter',
      'schema_change_refused',
    ])
  })

  it('one bad write does not fail the others of its tick', async () => {
    const lamp = await createDevice()
    const results = await Promise.allSettled([
      q.write(lamp, 'Level', 1),
      q.write('not an id', 'Level', 2n),
      q.write(lamp, 'Level', 2),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await expect(q.read(lamp, 'Level')).resolves.toMatchObject({ value: 2n })
  })

  it('writes that nobody waits for keep their order', async () => {
    const lamp = await createDevice()
    const writes: Promise<unknown>[] = []
    for (let level = 0; level < 500; level += 1) {
      writes.push(q.write(lamp, 'Level', level))
      if (level % 50 === 0) await new Promise(setImmediate)
    }
    const results = (await Promise.all(writes)) as { revision: number }[]
    expect(results.map(({ revision }) => revision)).toEqual(
      results.map(({ revision }) => revision).sort((a, b) => a - b),
    )
    await expect(q.read(lamp, 'Level')).resolves.toMatchObject({ value: 499n })
  })

  it('a client reads its own writes', async () => {
    const lamp = await createDevice()
    for (let level = 0n; level < 50n; level += 1n) {
      await q.write(lamp, 'Level', level)
      await expect(q.read(lamp, 'Level')).resolves.toMatchObject({ value: level })
    }
  })

  it('another client reads the latest, or at least a revision that it was told', async () => {
    await using other = await ways[way]()
    const lamp = await createDevice()
    for (let level = 0n; level < 20n; level += 1n) {
      const { revision } = await q.write(lamp, 'Level', level)
      const consistency = level % 2n === 0n ? 'latest' : { atLeast: revision }
      await expect(other.read(lamp, 'Level', { consistency })).resolves.toMatchObject({ value: level })
    }
  })

  it('entities are found by their fields, in order, page by page', async () => {
    const tag = randomUUID()
    const levels = Array.from({ length: 25 }, (_, index) => index)
    await q.commit(
      levels.reduce(
        (builder, level) =>
          builder.create('Device', {
            parent: folder,
            name: `d${level}`,
            fields: { Label: tag, Level: level, Weight: level % 2 },
          }),
        commit(),
      ),
    )
    const query = { where: { Label: tag, Level: { gte: 5n, lt: 20 } }, orderBy: { field: 'Level', descending: true } }
    const found = await q.find('Device', { ...query, select: ['Level', 'Weight'], pageSize: 4 }).toArray()
    expect(found.map(({ fields }) => fields['Level']?.value)).toEqual(levels.slice(5, 20).reverse().map(BigInt))
    expect(found[0]).toMatchObject({ name: 'd19', fields: { Weight: { type: 'Float', value: 1 } } })
    const limited = await q
      .find('Device', { where: { Label: tag, Weight: 1 }, orderBy: 'Level', limit: 5, pageSize: 2 })
      .toArray()
    expect(limited.map(({ name }) => name)).toEqual(['d1', 'd3', 'd5', 'd7', 'd9'])
    const page = await q.find('Device', { where: { Label: { eq: tag } }, limit: 10 }).page()
    expect(page.entities).toHaveLength(10)
    expect(page.cursor).not.toBe('')
  })

  it('a schema is read as it was set, and can be changed and set again', async () => {
    const type = `T${randomUUID().replaceAll('-', '')}`
    await q.setSchema({ type, fields: { A: 'Int', B: { type: 'Choice', choices: ['x', 'y'], default: 'y' } } })
    const schema = await q.schema(type)
    expect(Object.keys(schema.fields)).toEqual(['A', 'B'])
    expect(schema.fields['B']).toMatchObject({ type: 'Choice', default: 'y', choices: ['x', 'y'] })
    const one = await q.create(type, { parent: folder, name: 'one', fields: { A: 1 } })
    await q.setSchema({ ...schema, fields: { ...schema.fields, C: 'String' } })
    await q.write(one, 'C', 'new')
    await expect(q.read(one, 'C')).resolves.toMatchObject({ value: 'new' })
    await expect(q.types()).resolves.toContain(type)
    await expect(q.exists({ type, field: 'C' })).resolves.toBe(true)
    await expect(q.exists({ type, field: 'D' })).resolves.toBe(false)
  })

  it('the status tells the revision', async () => {
    const { revision } = await q.write(await createDevice(), 'Level', 1)
    const status = await q.status()
    expect(status.store).toBe(store.name)
    expect(status.revision).toBeGreaterThanOrEqual(revision)
    expect(status.logId).not.toBe('')
  })

  it('changes are notified in order, with what was before and what belongs to them', async () => {
    const lamp = await createDevice('watched', { Owner: folder })
    const seen: Notification[] = []
    await using subscription = await q.notify(
      { entity: lamp, fields: ['Level', 'Status'], context: ['Name', 'Owner->Name', 'Label->Name'] },
      (notification) => void seen.push(notification),
    )
    const { revision } = await q.write(lamp, 'Level', 4)
    await q.write(lamp, 'Level', 4)
    await q.write(lamp, 'Label', 'not watched')
    await q.write(lamp, 'Status', 'ON')
    await vi.waitFor(() => expect(seen).toHaveLength(2))
    const [first, second] = seen
    expect(first).toMatchObject({
      entityId: lamp.id,
      name: 'Level',
      revision,
      current: { value: 4n, writer: 'tester', revision },
      previous: { value: 3n },
    })
    expect(first?.context.map((field) => field.value)).toEqual(['watched', folder.name, undefined])
    expect(first?.context[2]).toMatchObject({ problem: { code: expect.any(String) } })
    expect(second).toMatchObject({ name: 'Status', current: { value: 'ON' }, previous: { value: 'OFF' } })
    expect(subscription.liveRevision).toBeLessThan(revision)
  })

  it('every write is notified if asked so, and creations of a type', async () => {
    const label = randomUUID()
    const seen: Notification[] = []
    await using _ = await q.notify({ type: 'Device', fields: ['Label'], trigger: 'write' }, (each) => {
      if (each.current.value === label) seen.push(each)
    })
    const lamp = await createDevice('new', { Label: label })
    await q.write(lamp, 'Label', label)
    await vi.waitFor(() => expect(seen).toHaveLength(2))
    expect(seen.map(({ previous }) => previous?.value)).toEqual([undefined, label])
  })

  it('a subscription begins where another one ended', async () => {
    const lamp = await createDevice()
    const first = await q.notifications({ entity: lamp, fields: ['Level'] })
    await q.write(lamp, 'Level', 10)
    await first.next()
    await vi.waitFor(() => expect(first.subscription.position.revision).toBeGreaterThan(0))
    const { position } = first.subscription
    await first.return()
    for (const level of [11, 12, 13]) await q.write(lamp, 'Level', level)
    const levels: unknown[] = []
    for await (const { current } of await q.notifications(
      { entity: lamp, fields: ['Level'] },
      { resumeAfter: position },
    )) {
      levels.push(current.value)
      if (current.value === 13n) break
    }
    expect(levels.slice(-3)).toEqual([11n, 12n, 13n])
  })

  it('a subscription to what does not exist is refused', async () => {
    const [missing, found] = await Promise.allSettled([
      q.notify({ type: 'Device', fields: ['Nothing'] }, () => {}),
      q.notify({ type: 'Device', fields: ['Level'] }, () => {}),
    ])
    expect(missing).toMatchObject({ reason: { code: 'unknown_field' } })
    expect(found.status).toBe('fulfilled')
    if (found.status === 'fulfilled') await found.value.unsubscribe()
  })

  it('a token allows what its level says, until it ends', async () => {
    const reading = await store.mint({ level: 'read' })
    await expect(q.token.verify(reading)).resolves.toMatchObject({ subject: 'tester', level: 'read', scopes: [] })
    await using reader = await connect(
      way === 'HTTP'
        ? { url: store.url, token: reading }
        : { servers: inject('natsUrl'), store: store.name, token: reading },
    )
    await expect(reader.write(folder, 'Level', 1n)).rejects.toMatchObject({ code: 'permission_denied' })
    await expect(q.token.verify('x.y.z')).rejects.toMatchObject({ code: 'token_invalid' })
    await expect(q.token.mint({ subject: 'x', level: 'admin' })).rejects.toMatchObject({ code: 'token_invalid' })
  })

  it('a token that has ended is replaced by the function that gets them', async () => {
    const ended = store.endedToken()
    await expect(q.token.verify(ended)).rejects.toMatchObject({ code: 'token_expired' })
    const tokens = [ended, token]
    const getToken = vi.fn(() => tokens.shift() ?? '')
    await using renewing = await connect(
      way === 'HTTP'
        ? { url: store.url, token: getToken }
        : { servers: inject('natsUrl'), store: store.name, token: getToken },
    )
    await renewing.root()
    expect(getToken).toHaveBeenCalledTimes(2)
    tokens.push(ended, token)
    await using watching = await connect(
      way === 'HTTP'
        ? { url: store.url, token: getToken }
        : { servers: inject('natsUrl'), store: store.name, token: getToken },
    )
    const subscription = await watching.notify({ type: 'Device', fields: ['Level'] }, () => {})
    await subscription.unsubscribe()
    expect(getToken).toHaveBeenCalledTimes(4)
  })

  it('without a token nothing is answered', async () => {
    await using stranger = await connect(
      way === 'HTTP' ? { url: store.url } : { servers: inject('natsUrl'), store: store.name },
    )
    await expect(stranger.root()).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  it('what is too large is refused, and the connection goes on', async () => {
    const lamp = await createDevice()
    const content = new Uint8Array(2_000_000)
    await expect(q.write(lamp, 'Picture', content)).rejects.toMatchObject({
      code: expect.stringMatching(/^(payload_too_large|invalid_request|value_out_of_range)$/),
    })
    await expect(q.read(lamp, 'Level')).resolves.toMatchObject({ value: 3n })
  })

  it('closing ends what is pending', async () => {
    const closing = await ways[way]()
    const notifications = await closing.notifications({ type: 'Device', fields: ['Level'] })
    const next = expect(notifications.next()).rejects.toMatchObject({ code: 'canceled' })
    await closing.close()
    await next
    await expect(closing.root()).rejects.toMatchObject({ code: 'canceled' })
  })
})
