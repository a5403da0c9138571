import { commit, isQError } from '@qcore/client'
import { findDevice } from '../find-device.ts'
import { Config, Device } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function changeTogether({ q, folder, print }: Stop): Promise<void> {
  const light = await findDevice(q, 'LivingRoomLight')
  const config = await q.of(Config).create({ parent: folder, name: 'Config' })

  // One revision, or nothing.
  const multi = q.multi()
  const device = multi.entity(Device, light)
  device.write('Status', 'OFF')
  device.write('LastSeen', new Date(0))
  multi.entity(Config, config).write('LastUpdate', new Date(0))
  const { revision, results } = await multi.commit()
  const { revision: last } = await q.of(Config).read(config, 'LastUpdate')
  print(`${results.length} changes, one revision: ${last === revision}`)

  // Only if nobody else was faster.
  const bound = q.of(Device).bind(light)
  const seen = await bound.readField('Brightness')
  await q.write(light, 'Brightness', 100) // somebody else
  try {
    await q.commit(commit().write(light, 'Brightness', 3).ifRevision(light, 'Brightness', seen.revision))
  } catch (error) {
    if (!isQError(error, 'condition_failed')) throw error
    print(`somebody was faster: ${error.code}; Brightness is ${await bound.read('Brightness')}`)
  }

  // A change of one's mind.
  device.write('Status', 'ON')
  multi.discard()
  print(`after discard: ${await bound.read('Status')}`)
}
