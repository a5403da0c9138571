import { findDevice } from '../find-device.ts'
import { Device, Person } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function useBindings({ q, folder, print }: Stop): Promise<void> {
  const light = await findDevice(q, 'LivingRoomLight')

  // Several entities and fields: what is written waits for the commit, and the reads of one tick are one request.
  const multi = q.multi()
  const device = multi.entity(light)
  print(`Status: ${await device.field('Status').readChoice()}`)
  device.field('Status').writeChoice('OFF')
  multi.entity('tour-myapp').field('Uptime').writeInt(1)

  const bound = q.of(Device).bind(light)
  print(`in the multi: ${await device.field('Status').readChoice()}; for others: ${await bound.read('Status')}`)
  await multi.commit()
  print(`after the commit: ${await bound.read('Status')}`)

  // Without a multi a binding writes at once. With a definition, wrong names and values do not compile.
  await bound.write('Status', 'ON')
  const owner = await bound.follow('Owner', Person)
  print(`owner: ${await owner?.read('Name')}, ${await owner?.read('Email')}`)
  const room = await bound.parent()
  print(`room: ${await room?.field('Name').readString()}, devices in it: ${(await room?.children(Device))?.length}`)

  // Lists: nobody else's change is lost.
  const bulbs = await Promise.all(
    ['Bulb 1', 'Bulb 2'].map((name) => q.of(Device).create({ parent: light, name, fields: { Location: 'Lamp' } })),
  )
  await Promise.all(bulbs.map((bulb) => bound.list('Parts').add(bulb)))
  const first = await q.entity(light).field('Parts->0->Location').readString()
  print(`parts: ${(await bound.read('Parts')).length}, the first is in a ${first}`)
  for (const bulb of bulbs) await q.delete(bulb)
  print(`parts after they were deleted: ${(await bound.read('Parts')).length}`)
  print(`children of the tour: ${(await q.entity(folder).children()).length}`)
}
