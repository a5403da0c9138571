import { findDevice } from '../find-device.ts'
import { Device } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function watchFields({ q, print }: Stop): Promise<void> {
  const light = await findDevice(q, 'LivingRoomLight')

  // Of all devices, with other fields as they were at that revision.
  const told = Promise.withResolvers<void>()
  const subscription = await q
    .of(Device)
    .notify({ fields: ['Status'], context: ['Name', 'Location'] }, ({ current, previous, context }) => {
      const [name, location] = context
      print(`Device ${name.value} in ${location.value} changed from ${previous?.value} to ${current.value}`)
      told.resolve()
    })
  await q.write(light, 'Status', 'OFF')
  await told.promise
  await subscription.unsubscribe()
  await q.write(light, 'Status', 'ON')

  // Of one field, until the end of the block.
  {
    const changes: bigint[] = []
    const done = Promise.withResolvers<void>()
    await using device = q.of(Device).bind(light)
    await device.field('Brightness').notify(({ current }) => {
      if (changes.push(current.value) === 2) done.resolve()
    })
    await device.write('Brightness', 1)
    await device.write('Brightness', 1) // the same value: no change
    await device.write('Brightness', 2)
    await done.promise
    print(`Brightness became ${changes.join(', ')}`)
  }

  // To iterate over; every write, also of the same value.
  const writes = await q.notifications({ entity: light, fields: ['Status'], trigger: 'write' })
  await q.write(light, 'Status', 'ON')
  for await (const { current, previous } of writes) {
    print(`Status was written at a later revision: ${current.revision > (previous?.revision ?? 0)}`)
    break
  }
}
