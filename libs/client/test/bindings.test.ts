import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { commit, Timestamp, type Client, type Entity, type ListBinding } from '../src/index.ts'
import { defineType, int, text } from '../src/schema.ts'
import { natsClient, startStore, type TestStore } from './_store.ts'
import { Device, Person } from './_types.ts'

let store: TestStore
let q: Client
let folder: Entity

beforeAll(async () => {
  store = await startStore(['auth', 'writer', 'reader', 'notifier'])
  q = await natsClient(store, await store.mint())
  await q.setSchema({ type: 'Room', fields: {} })
  await q.setSchema(Person)
  await q.setSchema(Device)
  folder = await q.create('Room', { parent: await q.root(), name: 'folder' })
}, 30_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

const createLamp = (name = 'lamp') => q.of(Device).create({ parent: folder, name: `${name} ${randomUUID()}` })

const values = {
  Int: [5, 5n],
  Float: [0.5, 0.5],
  String: ['x', 'x'],
  Bool: [true, true],
  File: [new Uint8Array([1]), { mediaType: '', content: new Uint8Array([1]) }],
  Reference: ['other', 'other'],
  Timestamp: [new Date(5), new Timestamp(5_000n)],
  Choice: ['ON', 'ON'],
  List: [['other'], ['other']],
  Transformation: ['1 + 1', '1 + 1'],
} as const

const fieldOfKind = {
  Int: 'Level',
  Float: 'Weight',
  String: 'Label',
  Bool: 'Done',
  File: 'Picture',
  Reference: 'Other',
  Timestamp: 'SeenAt',
  Choice: 'Status',
  List: 'Parts',
  Transformation: 'Formula',
} as const

type Kind = keyof typeof values

describe('a binding of an entity', () => {
  beforeAll(() => q.create('Room', { parent: folder, name: 'other', id: 'other' }))

  it.each(Object.keys(values) as Kind[])('writes and reads a field as %s, and refuses other types', async (kind) => {
    const lamp = q.entity(await createLamp())
    const [given, expected] = values[kind]
    const field = lamp.field(fieldOfKind[kind])
    await field[`write${kind}`](given as never)
    await expect(field[`read${kind}`]()).resolves.toEqual(expected)
    const wrong = lamp.field(kind === 'Int' ? 'Label' : 'Level')
    await expect(wrong[`read${kind}`]()).rejects.toMatchObject({ code: 'type_mismatch' })
    await expect(wrong[`write${kind}`](given as never)).rejects.toMatchObject({ code: 'type_mismatch' })
  })

  it('reads its entity, name, parent and children, and what paths lead to', async () => {
    const lamp = await createLamp()
    const part = await q.of(Device).create({ parent: lamp, name: 'part', fields: { Owner: null, Level: 9 } })
    await q.create('Room', { parent: lamp, name: 'a room' })
    const bound = q.entity(part)
    await expect(bound.get()).resolves.toEqual(part)
    const parent = await bound.parent()
    expect(parent?.id).toBe(lamp.id)
    await expect(parent?.field('Name').readString()).resolves.toBe(lamp.name)
    await expect(bound.field('Parent->Name').read()).resolves.toBe(lamp.name)
    expect((await parent?.children())?.map(({ id }) => id)).toHaveLength(2)
    const [child, ...others] = (await parent?.children(Device)) ?? []
    expect(others).toEqual([])
    await expect(child?.read('Level')).resolves.toBe(9n)
    await expect(q.entity(await q.root()).parent()).resolves.toBeUndefined()
    await bound.delete()
    await expect(bound.get()).rejects.toMatchObject({ code: 'unknown_entity' })
  })

  it('follows a reference', async () => {
    const ada = await q.of(Person).create({ parent: folder, name: 'Ada', fields: { Age: 36 } })
    const lamp = q.of(Device).bind(await createLamp())
    await expect(lamp.follow('Owner', Person)).resolves.toBeUndefined()
    await lamp.write('Owner', ada)
    await expect((await lamp.follow('Owner', Person))?.read('Age')).resolves.toBe(36n)
  })

  it('says that the entity or the field is of another type than the definition', async () => {
    const lamp = await createLamp()
    await expect(q.of(Person).get(lamp.id)).rejects.toMatchObject({ code: 'type_mismatch' })
    const Outdated = defineType('Device', { Level: text() })
    await expect(q.of(Outdated).read(lamp.id, 'Level')).rejects.toMatchObject({ code: 'type_mismatch', field: 'Level' })
    await expect(q.of(Outdated).write(lamp.id, 'Level', 'x')).rejects.toMatchObject({ code: 'type_mismatch' })
    const failures: unknown[] = []
    const subscription = await q
      .of(Outdated)
      .bind(lamp.id)
      .notify({ fields: ['Level'] }, () => {})
    subscription.closed.catch((error: unknown) => failures.push(error))
    await q.write(lamp, 'Level', 77)
    await vi.waitFor(() => expect(failures).toMatchObject([{ code: 'type_mismatch' }]))
  })

  it('finds entities of its type', async () => {
    const label = randomUUID()
    for (const level of [1, 2, 3]) {
      await q.of(Device).create({ parent: folder, name: `d${level}`, fields: { Label: label, Level: level } })
    }
    const found = await q
      .of(Device)
      .find({
        where: { Label: label, Level: { gte: 2 } },
        orderBy: { field: 'Level', descending: true },
        select: ['Level'],
      })
      .toArray()
    expect(found.map(({ name, fields }) => [name, fields.Level.value])).toEqual([
      ['d3', 3n],
      ['d2', 2n],
    ])
  })
})

describe('notifications of a binding', () => {
  it('tell of changes until they are unbound', async () => {
    const lamp = await createLamp()
    const seen: unknown[] = []
    {
      await using device = q.of(Device).bind(lamp)
      await device.field('Level').notify(({ current, previous }) => void seen.push([previous?.value, current.value]))
      await device.notify({ fields: ['Status'], context: ['Name'] }, ({ name, current, context }) => {
        seen.push([name, current.value, context[0].value])
      })
      await device.write('Level', 4)
      await device.write('Status', 'ON')
      await vi.waitFor(() => expect(seen).toHaveLength(2))
    }
    await q.write(lamp, 'Level', 5)
    const seenByOthers: unknown[] = []
    await using _ = await q
      .entity(lamp)
      .field('Level')
      .notify(({ current }) => void seenByOthers.push(current.value))
    await q.write(lamp, 'Level', 6)
    await vi.waitFor(() => expect(seenByOthers).toEqual([6n]))
    expect(seen).toEqual([
      [3n, 4n],
      ['Status', 'ON', lamp.name],
    ])
  })

  it('of a type tell of all its entities', async () => {
    const label = randomUUID()
    const seen: string[] = []
    await using _ = await q.of(Device).notify({ fields: ['Label'], trigger: 'write', context: ['Level'] }, (each) => {
      if (each.current.value === label) seen.push(`${each.entityId} ${each.context[0].value}`)
    })
    const one = await q.of(Device).create({ parent: folder, name: 'one', fields: { Label: label } })
    await q.write(one, 'Label', label)
    await vi.waitFor(() => expect(seen).toEqual([`${one.id} 3`, `${one.id} 3`]))
  })
})

type Parts = ListBinding<(typeof Device)['fields']['Parts']>

describe('a list', () => {
  it('loses no change that others make at the same time', { timeout: 30_000 }, async () => {
    const lamp = await createLamp()
    const members = await Promise.all(Array.from({ length: 12 }, (_, index) => createLamp(`m${index}`)))
    await q.write(lamp, 'Parts', members.slice(0, 4))
    await using other = await natsClient(store, await store.mint())
    const [mine, theirs] = [q, other].map((each) => each.of(Device).bind(lamp).list('Parts')) as [Parts, Parts]
    await Promise.all(
      members.map((member, index) => {
        const parts = index % 2 === 0 ? mine : theirs
        return index < 4 ? parts.remove(member) : parts.add(member)
      }),
    )
    const { value } = await q.of(Device).read(lamp, 'Parts', { consistency: 'latest' })
    expect(value.toSorted()).toEqual(
      members
        .slice(4)
        .map(({ id }) => id)
        .sort(),
    )
  })

  it('is not written if the edit changes nothing', async () => {
    const lamp = q.entity(await createLamp())
    const parts = lamp.list('Parts')
    await parts.add(folder)
    const { revision } = await parts.readField()
    await expect(parts.add(folder)).resolves.toMatchObject({ results: [] })
    await expect(parts.remove('nobody')).resolves.toMatchObject({ time: undefined })
    expect((await parts.readField()).revision).toBe(revision)
  })

  it('is edited by a path, too', async () => {
    const lamp = await createLamp()
    const part = await q.of(Device).create({ parent: lamp, name: 'part' })
    await q.entity(part).list('Parent->Parts').add(part)
    await expect(q.of(Device).read(lamp, 'Parts')).resolves.toMatchObject({ value: [part.id] })
  })

  it('is refused for a field that holds none', async () => {
    const lamp = q.entity(await createLamp())
    await expect(lamp.list('Level').add(folder)).rejects.toMatchObject({ code: 'type_mismatch' })
    await expect(lamp.list('Nothing').add(folder)).rejects.toMatchObject({ code: 'unknown_field' })
  })
})

describe('a multi', () => {
  it('commits the changes of several entities as one revision, and nobody sees them before', async () => {
    const [one, two] = await Promise.all([createLamp(), createLamp()])
    const multi = q.multi()
    const part = multi.create(Device, { parent: one, name: 'part', fields: { Status: 'ON' } })
    multi.entity(Device, one).write('Owner', null)
    multi.entity(Device, two).write('Level', 7)
    multi.entity(Device, one).list('Parts').add(part)
    multi.entity(two).field('Label').writeString('x')
    expect(multi.size).toBe(5)
    await expect(q.exists(part.id)).resolves.toBe(false)
    const { revision } = await multi.commit()
    expect(multi.size).toBe(0)
    const { fields } = await q.readMany([
      { entity: part.id, path: 'Status' },
      { entity: one, path: 'Parts' },
      { entity: two, path: 'Level' },
      { entity: two, path: 'Label' },
    ])
    expect(fields.map(({ value }) => value)).toEqual(['ON', [part.id], 7n, 'x'])
    expect(fields.map((field) => field.revision)).toEqual([revision, revision, revision, revision])
  })

  it('reads its own changes, of every type, by path too', async () => {
    const [one, two] = await Promise.all([createLamp(), createLamp()])
    await q.write(one, 'Parts', [folder])
    const multi = q.multi()
    const lamp = multi.entity(one)
    for (const kind of Object.keys(values) as Kind[]) {
      const [given, expected] = values[kind]
      lamp.field(fieldOfKind[kind]).write(given)
      await expect(lamp.field(fieldOfKind[kind])[`read${kind}`]()).resolves.toEqual(expected)
    }
    lamp.field('Other').writeReference(two)
    multi.entity(two).field('Level').write(99)
    lamp.list('Parts').add(two)
    await expect(lamp.field('Other->Level').read()).resolves.toBe(99n)
    await expect(lamp.field('Other->Parent->Name').read()).resolves.toBe(folder.name)
    await expect(lamp.field('Parts->1->Level').read()).resolves.toBe(99n)
    await expect(lamp.field('Parts->2->Level').read()).rejects.toMatchObject({ code: 'broken_path' })
    await expect(lamp.field('Parts->Level').read()).rejects.toMatchObject({ code: 'invalid_path' })
    await expect(multi.entity(folder).field(`${two.name}->Level`).read()).resolves.toBe(99n)
    await expect(lamp.field('Level').readField()).resolves.toMatchObject({ revision: 0, writer: '' })
    lamp.field('Other').writeReference(null)
    await expect(lamp.field('Other->Level').read()).rejects.toMatchObject({ code: 'broken_path' })
    await expect(lamp.field('Nothing').read()).rejects.toMatchObject({ code: 'unknown_field' })
    lamp.field('Nothing').write('x')
    await expect(lamp.field('Nothing').read()).rejects.toMatchObject({ code: 'unknown_field' })
    await expect(q.read(one, 'Level')).resolves.toMatchObject({ value: 3n })
    multi.discard()
    await expect(lamp.field('Level').read()).resolves.toBe(3n)
  })

  it('reads what it creates: what was given, defaults, name, parent and children', async () => {
    const multi = q.multi()
    const made = multi.create('Device', { parent: folder, name: 'made', fields: { Label: 'x' } })
    const child = multi.create(Device, { parent: made, name: 'child' })
    await expect(made.get()).resolves.toMatchObject({ id: made.id, type: 'Device', parentId: folder.id })
    const read = ['Label', 'Level', 'Status', 'Name', 'Parent', 'Children'].map((name) => made.field(name).read())
    await expect(Promise.all(read)).resolves.toEqual(['x', 3n, 'OFF', 'made', folder.id, [child.id]])
    await expect(made.field('Nothing').read()).rejects.toMatchObject({ code: 'unknown_field' })
    await expect(child.read('Parent->Label')).resolves.toBe('x')
    expect((await made.children()).map(({ id }) => id)).toEqual([child.id])
    expect((await multi.entity(folder).children()).map(({ id }) => id)).toContain(made.id)
    child.list('Parts').add(made.id)
    await expect(child.read('Parts')).resolves.toEqual([made.id])
    await multi.commit()
    await expect(q.of(Device).read(child, 'Parts')).resolves.toMatchObject({ value: [made.id] })
  })

  it('sees what it renames and moves', async () => {
    const [one, two] = await Promise.all([createLamp('one'), createLamp('two')])
    const part = await q.of(Device).create({ parent: one, name: 'part' })
    const multi = q.multi()
    const bound = multi.entity(Device, part)
    bound.rename('piece')
    bound.move({ parent: two })
    const made = multi.create(Device, { parent: one, name: 'made' })
    made.rename('remade')
    await expect(bound.get()).resolves.toMatchObject({ name: 'piece', parentId: two.id })
    await expect(Promise.all([bound.read('Name'), bound.read('Parent')])).resolves.toEqual(['piece', two.id])
    await expect(bound.read('Parent->Name')).resolves.toBe(two.name)
    await expect(made.read('Name')).resolves.toBe('remade')
    await expect(multi.entity(Device, two).read('Children')).resolves.toEqual([part.id])
    await expect(multi.entity(Device, one).read('Children')).resolves.toEqual([made.id])
    await expect(q.get(part.id)).resolves.toMatchObject({ name: 'part', parentId: one.id })
    await multi.commit()
    await expect(q.get(part.id)).resolves.toMatchObject({ name: 'piece', parentId: two.id })
    await expect(q.get(made.id)).resolves.toMatchObject({ name: 'remade', parentId: one.id })
    await q.entity(part).rename('part')
    await q.entity(part).move({ parent: one })
    await expect(q.get(part.id)).resolves.toMatchObject({ name: 'part', parentId: one.id })
  })

  it('does not see what it deletes', async () => {
    const lamp = await createLamp()
    const multi = q.multi()
    const bound = multi.entity(lamp)
    bound.delete()
    await expect(bound.get()).rejects.toMatchObject({ code: 'unknown_entity' })
    await expect(bound.field('Level').read()).rejects.toMatchObject({ code: 'unknown_entity' })
    expect(() => bound.field('Level').write(1)).toThrow(expect.objectContaining({ code: 'unknown_entity' }))
    expect((await multi.entity(folder).children()).map(({ id }) => id)).not.toContain(lamp.id)
    await expect(q.exists(lamp)).resolves.toBe(true)
    await multi.commit()
    await expect(q.exists(lamp)).resolves.toBe(false)
  })

  it('takes no change by a path', async () => {
    const multi = q.multi()
    const lamp = multi.entity(await createLamp())
    const refused = expect.objectContaining({ code: 'invalid_path' })
    expect(() => lamp.field('Owner->Level').write(1)).toThrow(refused)
    expect(() => lamp.list('Owner->Parts').add(folder)).toThrow(refused)
    expect(multi.size).toBe(0)
  })

  it('that fails changes nothing, and can be mended and committed again', async () => {
    const [one, two] = await Promise.all([createLamp(), createLamp()])
    const multi = q.multi()
    multi.entity(Device, one).write('Level', 1)
    multi.ifExists('nobody-yet')
    await expect(multi.commit()).rejects.toMatchObject({
      code: 'condition_failed',
      field: 'conditions[0].entity_exists',
    })
    await expect(q.read(one, 'Level')).resolves.toMatchObject({ value: 3n })
    expect(multi.size).toBe(1)
    await q.create('Room', { parent: folder, name: 'x', id: 'nobody-yet' })
    multi.entity(Device, two).write('Level', 2)
    await multi.commit()
    await expect(q.read(two, 'Level')).resolves.toMatchObject({ value: 2n })
  })

  it('keeps its conditions', async () => {
    const lamp = await createLamp()
    const { revision } = await q.read(lamp, 'Level')
    const conditional = () => {
      const multi = q.multi()
      const bound = multi.entity(Device, lamp)
      bound.write('Label', randomUUID())
      return { multi, bound }
    }
    const fitting = conditional()
    fitting.multi
      .ifRevision(fitting.bound.field('Level'), revision)
      .ifValue(fitting.bound.field('Status'), 'OFF')
      .ifAbsent('nobody-at-all')
      .ifExists(lamp)
    await fitting.multi.commit()
    const failing = [
      (each = conditional()) => each.multi.ifRevision(each.bound.field('Level'), 1),
      (each = conditional()) => each.multi.ifValue(each.bound.field('Status'), 'ON'),
      (each = conditional()) => each.multi.ifAbsent(lamp),
    ]
    for (const multi of failing) await expect(multi().commit()).rejects.toMatchObject({ code: 'condition_failed' })
  })

  it('without changes commits nothing', async () => {
    await expect(q.multi().commit()).resolves.toEqual({ revision: q.revision, time: undefined, results: [] })
  })

  it('edits lists without losing what others do to them', { timeout: 30_000 }, async () => {
    const lamp = await createLamp()
    const Counter = defineType('Counter', { Count: int() })
    await q.setSchema(Counter)
    const counters = await Promise.all(
      Array.from({ length: 8 }, (_, index) => q.of(Counter).create({ parent: folder, name: `c${index}` })),
    )
    await Promise.all(
      counters.map(async (counter) => {
        const multi = q.multi()
        multi.entity(lamp).list('Parts').add(counter)
        multi.entity(Counter, counter).write('Count', 1)
        await multi.commit()
      }),
    )
    const { value } = await q.of(Device).read(lamp, 'Parts')
    expect(value.toSorted()).toEqual(counters.map(({ id }) => id).sort())
  })

  it('writes a list that it wrote itself as edited', async () => {
    const lamp = await createLamp()
    await q.commit(commit().write(lamp, 'Parts', [lamp]))
    const multi = q.multi()
    const parts = multi.entity(lamp).list('Parts')
    parts.write([folder])
    parts.add(lamp)
    await expect(parts.read()).resolves.toEqual([folder.id, lamp.id])
    parts.remove(folder)
    await multi.commit()
    await expect(parts.read()).resolves.toEqual([lamp.id])
  })
})
