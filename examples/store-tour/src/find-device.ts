import type { Client, EntityOf } from '@qcore/client'
import { Device } from './schema.ts'

/** The device of the tour that has a name. */
export async function findDevice(q: Client, name: string): Promise<EntityOf<typeof Device>> {
  for await (const device of q.of(Device).find()) if (device.name === name) return device
  throw new Error(`there is no device ${name}`)
}
