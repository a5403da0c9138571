import { isQError } from '@qcore/client'
import type { Stop } from '../stop.ts'

/** What was: an entity along its history, and the store as of a revision or a time. */
export async function lookBack({ q, folder, print }: Stop): Promise<void> {
  const clock = await q.create('TourService', { parent: folder, name: 'Clock', fields: { Uptime: 1n } })
  const { revision: before } = await q.write(clock, 'Uptime', 2n)
  await q.write(clock, 'Uptime', 3n)
  await q.delete(clock)

  // As of a revision; `q.at(date)` is as of a time.
  const then = q.at(before)
  const uptime = await then.read(clock, 'Uptime')
  if (uptime.type === 'Int') print(`then Uptime was ${uptime.value}, written by somebody: ${uptime.writer !== ''}`)
  print(`now it exists: ${await q.exists(clock)}; then it did: ${await then.exists(clock)}`)

  // All that was done to it, also after it was deleted.
  for await (const change of q.history(clock, { field: 'Uptime', first: 'oldest' })) {
    if (change.kind !== 'write') print(`it was ${change.kind}d`)
    else if (change.current.type === 'Int') print(`Uptime became ${change.current.value}`)
  }

  const { revision } = await q.status()
  try {
    await q.at(revision + 1_000_000).root()
  } catch (error) {
    if (!isQError(error)) throw error
    print(`what is yet to come: ${error.code}`)
  }
}
