import { isQError } from '@qcore/client'
import { Device } from '../schema.ts'
import type { Stop } from '../stop.ts'
import { findDevice } from '../find-device.ts'

export async function readAndWriteFields({ q, print }: Stop): Promise<void> {
  const light = await findDevice(q, 'LivingRoomLight')
  const devices = q.of(Device)

  await devices.write(light, 'Status', 'ON')
  const status = await devices.read(light, 'Status')
  print(`Status: ${status.value}, of type ${status.type}, written at a revision: ${status.revision > 0}`)

  // Without a definition: names and values are checked when the program runs.
  await q.write(light, 'Brightness', 80)
  const brightness = await q.read(light, 'Brightness')
  if (brightness.type === 'Int') print(`Brightness: ${brightness.value}`)

  // Only if it changes something.
  const again = await q.write(light, 'Brightness', 80, { ifChanged: true })
  print(`writing 80 again changed something: ${again.results[0]?.changed}`)

  // Along references, parents and names.
  const { fields } = await q.readMany([
    { entity: light, path: 'Owner->Name' },
    { entity: light, path: 'Owner->Email' },
    { entity: light, path: 'Parent->Name' },
    { entity: 'store-tour', path: 'Living room->LivingRoomLight->Location' },
  ])
  print(`by path: ${fields.map((field) => (field.type === 'String' ? field.value : field.type)).join(', ')}`)

  // The writes of one tick are one request, the reads too.
  await Promise.all([q.write(light, 'Brightness', 10), q.write(light, 'LastSeen', new Date(0))])
  const bound = devices.bind(light)
  const [now, lastSeen] = await Promise.all([bound.read('Brightness'), bound.read('LastSeen')])
  print(`Brightness ${now}, last seen ${lastSeen.toString()}`)

  try {
    await q.write(light, 'Brightness', 'very')
  } catch (error) {
    if (!isQError(error, 'type_mismatch')) throw error
    print(`a wrong value: ${error.message}`)
  }
}
