import { Device } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function findDevices({ q, folder, print }: Stop): Promise<void> {
  for (const [index, name] of ['Fan', 'Heater', 'Radio'].entries()) {
    const fields = { Status: index === 1 ? 'OFF' : 'ON', Location: 'Kitchen', Brightness: index } as const
    await q.of(Device).create({ parent: folder, name, fields })
  }

  // All active devices.
  const active = q.of(Device).find({ where: { Status: 'ON' }, orderBy: 'Brightness', select: ['Status', 'Location'] })
  for await (const { name, fields } of active) {
    print(`Device ${name} in ${fields.Location.value} is ${fields.Status.value}`)
  }

  // Comparisons, and page by page.
  const dim = q.of(Device).find({
    where: { Location: 'Kitchen', Brightness: { gte: 0, lt: 2 } },
    orderBy: { field: 'Brightness', descending: true },
    pageSize: 1,
  })
  const first = await dim.page()
  const second = await dim.page(first.cursor)
  print(`dim, page by page: ${[...first.entities, ...second.entities].map(({ name }) => name).join(', ')}`)
}
