import { or } from '@qcore/client'
import { Device } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function findDevices({ q, folder, print }: Stop): Promise<void> {
  for (const [index, name] of ['Fan', 'Heater', 'Radio'].entries()) {
    const fields = { Status: index === 1 ? 'OFF' : 'ON', Location: 'Kitchen', Brightness: index } as const
    await q.of(Device).create({ parent: folder, name, fields })
  }

  // All active devices.
  const devices = q.of(Device).query()
  const active = devices.where({ Status: 'ON' }).select('Status', 'Location').orderBy('Brightness')
  for await (const { name, fields } of active) {
    print(`Device ${name} in ${fields.Location.value} is ${fields.Status.value}`)
  }

  // Conditions that are joined, and along a path; how many there are.
  const inFolder = { 'Parent->Name': folder.name }
  print(`not dim, or off: ${await devices.where(inFolder, or({ Status: 'OFF' }, { Brightness: { gt: 1 } })).count()}`)

  // Comparisons, and page by page: all pages are of one revision.
  const dim = devices
    .where({ Location: 'Kitchen', Brightness: { gte: 0, lt: 2 } })
    .orderBy('Brightness', 'desc')
    .pages({ pageSize: 1 })
  const first = await dim.page()
  const second = await dim.page(first.cursor)
  print(`dim, page by page: ${[...first.entities, ...second.entities].map(({ name }) => name).join(', ')}`)

  // The same as text.
  for await (const { name } of q.query(`FROM TourDevice WHERE Status = 'ON' AND Location = 'Kitchen' ORDER BY Name`)) {
    print(`on in the kitchen: ${name}`)
  }
}
