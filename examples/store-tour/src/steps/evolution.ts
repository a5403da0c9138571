import { commit, isQError, type AlterStep } from '@qcore/client'
import type { Stop } from '../stop.ts'

/** A type that changes while there are entities of it. */
export async function changeTypes({ q, folder, print }: Stop): Promise<void> {
  // What an earlier tour left.
  if (await q.exists({ type: 'TourTank' })) await q.deleteType('TourTank')
  await q.setSchema({ type: 'TourTank', fields: { Level: 'Int', Size: 'String', Note: 'String' } })
  const tank = await q.create('TourTank', { parent: folder, name: 'Tank', fields: { Level: 3, Size: 'large' } })

  // First what would happen.
  const steps: AlterStep[] = [
    { rename: 'Level', to: 'Height' },
    { retype: 'Height', field: 'Float' },
    { retype: 'Size', field: { type: 'Int', default: 1 } },
    { remove: 'Note' },
    { add: 'Open', field: { type: 'Bool', default: true } },
    { reorder: ['Open', 'Height', 'Size'] },
  ]
  const [plan] = (await q.plan(commit().alterType('TourTank', steps))).types
  for (const { field, kind, values } of plan?.fields ?? []) print(`${field} would be ${kind}: ${values} value`)
  for (const { field, reason } of plan?.obstacles ?? []) print(`in the way: ${field}, ${reason}`)
  try {
    await q.alterType('TourTank', steps)
  } catch (error) {
    if (!isQError(error, 'conversion_refused')) throw error
    print(`nothing was changed: ${error.code}`)
  }

  // Then all of it, as one revision.
  const { revision: before } = await q.write(tank, 'Size', '12')
  await q.alterType('TourTank', steps)
  const field = (name: string) => q.entity(tank).field(name)
  const [open, height] = await Promise.all([field('Open').readBool(), field('Height').readFloat()])
  print(`now: open ${open}, height ${height}, size ${await field('Size').readInt()}`)

  // The past has the type as it was, and the history of a field goes on under its new name.
  const then = await q.at(before).read(tank, 'Level')
  if (then.type === 'Int') print(`then: ${then.name} was ${then.value}`)
  for await (const change of q.history(tank, { field: 'Height' })) print(`history of Height: ${change.kind}`)

  // A type goes when its last entity is gone; its versions stay.
  await q.delete(tank)
  await q.deleteType('TourTank')
  const [last, earlier] = (await q.schemaVersions('TourTank')).toReversed()
  print(`versions: ${[earlier, last].map((each) => Object.keys(each?.fields ?? {}).join(' ')).join(', then ')}`)
}
