import { describe, expect, expectTypeOf, it } from 'vitest'
import type { BinaryFile, Client, Field, Notification, Timestamp } from '../src/index.ts'
import { and, not, or } from '../src/index.ts'
import { choice, defineType, int, reference } from '../src/schema.ts'
import { Device, Person } from './_types.ts'

/** Checked by the compiler only: what is wrong here must not compile, and what is right must. */
type Check = (q: Client) => Promise<void>

const reading: Check = async (q) => {
  const device = q.of(Device).bind('id')
  expectTypeOf(await device.read('Level')).toEqualTypeOf<bigint>()
  expectTypeOf(await device.read('Status')).toEqualTypeOf<'OFF' | 'ON'>()
  expectTypeOf(await device.read('Mode')).toEqualTypeOf<'auto' | 'manual'>()
  expectTypeOf(await device.read('Picture')).toEqualTypeOf<BinaryFile>()
  expectTypeOf(await device.read('SeenAt')).toEqualTypeOf<Timestamp>()
  expectTypeOf(await device.read('Parts')).toEqualTypeOf<readonly string[]>()
  expectTypeOf(await device.read('Name')).toEqualTypeOf<string>()
  expectTypeOf(await device.read('Children')).toEqualTypeOf<readonly string[]>()
  expectTypeOf(await device.read('Owner->Age')).toEqualTypeOf<Field['value']>()
  expectTypeOf((await device.field('Weight').readField()).value).toEqualTypeOf<number>()
  expectTypeOf((await q.of(Device).read('id', 'Done')).value).toEqualTypeOf<boolean>()
  expectTypeOf((await device.get()).type).toEqualTypeOf<'Device'>()
  // @ts-expect-error there is no such field
  await device.read('Levle')
  // @ts-expect-error nor here
  device.field('Levle')
  // @ts-expect-error nor here
  await q.of(Device).read('id', 'Levle')
  const person = await q.of(Person).get('ada')
  // @ts-expect-error a person is not a device
  q.of(Device).bind(person)
}

const writing: Check = async (q) => {
  const devices = q.of(Device)
  const device = devices.bind('id')
  await device.write('Level', 5)
  await device.write('Level', 5n)
  await device.write('Status', 'ON')
  await device.write('Owner', null)
  await device.write('Owner', await q.of(Person).get('ada'))
  await device.write('Other', await q.root())
  await device.field('SeenAt').write(new Date())
  // @ts-expect-error a text is not an Int
  await device.write('Level', '5')
  // @ts-expect-error not one of the choices
  await device.write('Status', 'on')
  // @ts-expect-error not one of the choices
  await device.field('Mode').write('ON')
  // @ts-expect-error there is no such field
  await device.write('Levle', 5)
  // @ts-expect-error a device is not a person
  await device.write('Owner', await devices.get('id'))
  // @ts-expect-error a number is not a text
  await devices.write('id', 'Label', 5)
  await device.list('Parts').add('id', await devices.get('id'), device)
  // @ts-expect-error not a list
  device.list('Label')
  // @ts-expect-error a person is not a device
  await device.list('Parts').add(await q.of(Person).get('ada'))
}

const creating: Check = async (q) => {
  const device = await q.of(Device).create({ parent: 'root', name: 'lamp', fields: { Status: 'ON', Level: 5 } })
  expectTypeOf(device.type).toEqualTypeOf<'Device'>()
  // @ts-expect-error not one of the choices
  await q.of(Device).create({ parent: 'root', name: 'lamp', fields: { Status: 'BROKEN' } })
  // @ts-expect-error there is no such field
  await q.of(Device).create({ parent: 'root', name: 'lamp', fields: { Levle: 5 } })
  const multi = q.multi()
  multi.create(Device, {
    parent: device,
    name: 'part',
    fields: { Owner: multi.create(Person, { parent: 'x', name: 'y' }) },
  })
  // @ts-expect-error a text is not an Int
  multi.create(Device, { parent: device, name: 'part', fields: { Level: 'high' } })
  // @ts-expect-error a text is not an Int
  multi.entity(Device, device).write('Level', 'high')
  // @ts-expect-error a text is not an Int
  multi.ifValue(multi.entity(Device, device).field('Level'), 'high')
  expectTypeOf(multi.entity(Device, device).write('Level', 5)).toEqualTypeOf<void>()
  expectTypeOf(multi.entity('id').field('Level').writeInt(5)).toEqualTypeOf<void>()
}

const finding: Check = async (q) => {
  const devices = q.of(Device)
  for await (const found of devices.find({
    where: { Status: 'ON', Level: { gte: 5, lt: 10n } },
    orderBy: { field: 'Level', descending: true },
    select: ['Level', 'Status'],
  })) {
    expectTypeOf(found.fields.Level.value).toEqualTypeOf<bigint>()
    expectTypeOf(found.fields.Status.value).toEqualTypeOf<'OFF' | 'ON'>()
    // @ts-expect-error was not selected
    expect(found.fields.Label).toBeUndefined()
  }
  // @ts-expect-error there is no such field
  devices.find({ where: { Levle: 5 } })
  // @ts-expect-error a text is not an Int
  devices.find({ where: { Level: '5' } })
  // @ts-expect-error a text is not an Int
  devices.find({ where: { Level: { gte: '5' } } })
  // @ts-expect-error no such comparison
  devices.find({ where: { Level: { above: 5 } } })
  // @ts-expect-error the field is not indexed
  devices.find({ where: { Note: 'x' } })
  // @ts-expect-error lists are never indexed
  devices.find({ orderBy: 'Parts' })
  // @ts-expect-error there is no such field
  devices.find({ select: ['Levle'] })
}

const querying: Check = async (q) => {
  const devices = q.of(Device).query()
  const wanted = devices
    .where({ Status: 'ON', Level: { gte: 5, in: [5n, 6] }, Label: { startsWith: 'a' }, 'Owner->Name': 'Ada' })
    .where(or({ Parts: { contains: await q.of(Device).get('id') } }, not({ Owner: null })))
    .where({ Note: { exists: true }, SeenAt: { lt: new Date() }, Name: { contains: 'a' }, Parent: await q.root() })
    .select('Level', 'Name', 'Owner->Name')
    .select('Note')
    .orderBy('Level', 'desc')
    .orderBy('Name')
    .orderBy('Parent->Name')
    .limit(5)
  for await (const device of wanted) {
    expectTypeOf(device.type).toEqualTypeOf<'Device'>()
    expectTypeOf(device.fields.Level.value).toEqualTypeOf<bigint>()
    expectTypeOf(device.fields.Name.value).toEqualTypeOf<string>()
    expectTypeOf(device.fields.Note.value).toEqualTypeOf<string>()
    const { 'Owner->Name': ownerName } = device.fields
    expectTypeOf(ownerName).toEqualTypeOf<Field | undefined>()
    // @ts-expect-error was not selected
    expect(device.fields.Label).toBeUndefined()
  }
  expectTypeOf((await devices.select('*').toArray())[0]?.fields.Status.value).toEqualTypeOf<'OFF' | 'ON' | undefined>()
  expectTypeOf(await wanted.count()).toEqualTypeOf<number>()
  await q.explain(wanted)
  // @ts-expect-error there is no such field
  devices.where({ Levle: 5 })
  // @ts-expect-error not one of the choices
  devices.where({ Status: 'on' })
  // @ts-expect-error a text is not an Int
  devices.where({ Level: '5' })
  // @ts-expect-error a text is not an Int
  devices.where({ Level: { gte: '5' } })
  // @ts-expect-error a text is not an Int, among several
  devices.where({ Level: { in: [5, '6'] } })
  // @ts-expect-error there is no such field, within others
  devices.where(or({ Status: 'ON' }, not({ Levle: 5 })))
  // @ts-expect-error not one of the choices, within others
  devices.where(and({ Level: 5 }, { Status: 'on' }))
  // @ts-expect-error a number contains no text
  devices.where({ Level: { contains: '5' } })
  // @ts-expect-error a person is not a device
  devices.where({ Parts: { contains: await q.of(Person).get('ada') } })
  // @ts-expect-error a list is not compared as a whole
  devices.where({ Parts: ['id'] })
  // @ts-expect-error the field is not indexed
  devices.where({ Note: 'x' })
  // @ts-expect-error the field is not indexed
  devices.where({ Note: { startsWith: 'x' } })
  // @ts-expect-error no such comparison
  devices.where({ Level: { above: 5 } })
  // @ts-expect-error there is no such field
  devices.select('Levle')
  // @ts-expect-error there is no such field
  devices.orderBy('Levle')
  // @ts-expect-error the field is not indexed
  devices.orderBy('Note')
  // @ts-expect-error lists have no order
  devices.orderBy('Children')
}

const watching: Check = async (q) => {
  await q.of(Device).notify({ fields: ['Status', 'Level'], context: ['Label', 'Parent->Name'] }, (each) => {
    expectTypeOf(each.name).toEqualTypeOf<'Status' | 'Level'>()
    if (each.name === 'Level') {
      expectTypeOf(each.current.value).toEqualTypeOf<bigint>()
      expectTypeOf(each.previous?.value).toEqualTypeOf<bigint | undefined>()
    } else {
      expectTypeOf(each.current.value).toEqualTypeOf<'OFF' | 'ON'>()
    }
    expectTypeOf(each.context[0].value).toEqualTypeOf<string | undefined>()
    expectTypeOf(each.context[1].value).toEqualTypeOf<Field['value'] | undefined>()
    // @ts-expect-error there are two
    expect(each.context[2]).toBeUndefined()
  })
  await q
    .of(Device)
    .bind('id')
    .field('Level')
    .notify(({ current }) => {
      expectTypeOf(current.value).toEqualTypeOf<bigint>()
    })
  await q
    .entity('id')
    .field('Level')
    .notify((each) => {
      expectTypeOf(each.current).toEqualTypeOf<Notification['current']>()
    })
  const both = { fields: ['Status', 'Level'], context: ['Label'] } as const
  for (const stream of [await q.of(Device).notifications(both), await q.of(Device).bind('id').notifications(both)]) {
    for await (const each of stream) {
      if (each.name === 'Level') expectTypeOf(each.current.value).toEqualTypeOf<bigint>()
      expectTypeOf(each.context[0].value).toEqualTypeOf<string | undefined>()
    }
  }
  // @ts-expect-error there is no such field
  await q.of(Device).notifications({ fields: ['Levle'] })
  // @ts-expect-error there is no such field
  await q.of(Device).notify({ fields: ['Levle'] }, () => {})
  // @ts-expect-error there is no such field
  await q.of(Device).notify({ fields: ['Level'], context: ['Levle'] }, () => {})
}

const navigating: Check = async (q) => {
  const device = q.of(Device).bind('id')
  expectTypeOf((await device.follow('Owner', Person))?.type).toEqualTypeOf<'Person' | undefined>()
  expectTypeOf((await device.children(Device))[0]?.type).toEqualTypeOf<'Device' | undefined>()
  // @ts-expect-error leads to a person
  await device.follow('Owner', Device)
  // @ts-expect-error not a reference
  await device.follow('Label', Person)
}

const defining: Check = async (q) => {
  await q.setSchema(Device)
  // @ts-expect-error not one of the choices
  defineType('Wrong', { Status: choice(['OFF', 'ON'], { default: 'BROKEN' }) })
  // @ts-expect-error a text is not an Int
  defineType('Wrong', { Level: int({ default: 'high' }) })
  // @ts-expect-error no such option
  defineType('Wrong', { Level: int({ unindxed: true }) })
  // @ts-expect-error no such option
  defineType('Wrong', { Owner: reference({ too: 'Person' }) })
}

describe('a schema in TypeScript', () => {
  it.each(Object.entries({ reading, writing, creating, finding, querying, watching, navigating, defining }))(
    'tells the compiler what is right and what is wrong in %s',
    (_name, check) => {
      expectTypeOf(check).toEqualTypeOf<Check>()
    },
  )

  it('is what is set', () => {
    expect(Device).toEqual({
      type: 'Device',
      description: 'something that can be switched',
      fields: {
        Status: { type: 'Choice', choices: ['OFF', 'ON'] },
        Level: { type: 'Int', default: 3n },
        Weight: { type: 'Float' },
        Label: { type: 'String' },
        Note: { type: 'String', unindexed: true, description: 'not searched for' },
        Done: { type: 'Bool' },
        Picture: { type: 'BinaryFile' },
        Owner: { type: 'EntityReference', to: 'Person' },
        Other: { type: 'EntityReference' },
        SeenAt: { type: 'Timestamp' },
        Parts: { type: 'EntityList', to: 'Device' },
        Formula: { type: 'Transformation' },
        Mode: { type: 'Choice', choices: ['auto', 'manual'], default: 'manual' },
      },
    })
  })
})
