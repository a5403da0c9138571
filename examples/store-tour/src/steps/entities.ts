import { commit, isQError } from '@qcore/client'
import { Device, Person } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function manageEntities({ q, folder, print }: Stop): Promise<void> {
  // Of a type in TypeScript, with values; the others get their defaults.
  const living = await q.create('Folder', { parent: folder, name: 'Living room' })
  const ada = await q.of(Person).create({ parent: folder, name: 'Ada', fields: { Email: 'ada@example.org' } })
  const light = await q.of(Device).create({
    parent: living,
    name: 'LivingRoomLight',
    fields: { Status: 'ON', Location: 'Living room', Owner: ada },
  })
  // Of any type, with an id of one's own.
  await q.create('TourService', { parent: folder, name: 'myapp', id: 'tour-myapp', fields: { Status: 'running' } })

  const { name, type, parentId } = await q.get(light.id)
  print(`Name: ${name}, Type: ${type}, in the living room: ${parentId === living.id}`)

  for await (const child of q.children(folder)) print(`child: ${child.name} (${child.type})`)

  const devices = await q.of(Device).find().toArray()
  print(`devices: ${devices.map((device) => device.name).join(', ')}`)

  // Another name and another place, as one revision.
  await q.commit(commit().rename(ada, 'Ada Lovelace').move(ada, { parent: living }))
  print(`path to Ada: ${(await q.read(ada, 'Parent->Name')).value as string} / ${(await q.get(ada.id)).name}`)
  await q.commit(commit().rename(ada, 'Ada').move(ada, { parent: folder }))

  // Descendants go along.
  const old = await q.create('Folder', { parent: folder, name: 'Old' })
  const lamp = await q.of(Device).create({ parent: old, name: 'OldLamp' })
  await q.delete(old)
  print(`the old lamp exists: ${await q.exists(lamp)}`)
  try {
    await q.get(lamp.id)
  } catch (error) {
    if (!isQError(error, 'unknown_entity')) throw error
    print(`reading it: ${error.code}`)
  }
}
