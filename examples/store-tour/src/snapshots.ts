import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { commit, type Client } from '@qcore/client'

/** Saves a store to a file, does damage to it, and brings a part of it back. Returns what it did, for people. */
export async function tourSnapshots(q: Client, file: string): Promise<string[]> {
  await q.setSchema({ type: 'Lamp', fields: { Level: 'Int', Owner: 'EntityReference' } })
  await q.commit(
    commit()
      .create('Folder', { id: 'house', parent: await q.root(), name: 'House' })
      .create('Lamp', { id: 'hall', parent: 'house', name: 'Hall', fields: { Level: 7, Owner: 'house' } })
      .create('Lamp', { id: 'porch', parent: 'house', name: 'Porch', fields: { Level: 2 } }),
  )

  await pipeline(q.snapshot(), createWriteStream(file))

  await q.write('porch', 'Level', 9)
  await q.delete('hall')

  await using restore = await q.restore(createReadStream(file), { under: '/House' })
  const { entities, fields, problems } = restore.plan
  for (const problem of problems) throw problem
  const planned = `${entities.created} created, ${fields.changed} changed`
  const { revision } = await restore.apply()
  const { type, value, writer } = await q.read('hall', 'Level')
  const level = type === 'Int' ? Number(value) : undefined
  return [planned, `the restore is revision ${revision}`, `Hall is at ${level} again, written by ${writer}`]
}
