import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { findDevice } from '../find-device.ts'
import { Device } from '../schema.ts'
import type { Stop } from '../stop.ts'

/** A line of a snapshot file; docs/snapshots.md describes all of them. */
interface SnapshotLine {
  readonly entity?: { readonly name: string; readonly type: string }
}

export async function compareWithSnapshot({ q, print }: Stop): Promise<void> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'store-tour-'))
  try {
    // The whole store at one revision; the file is never in memory as a whole.
    const file = path.join(scratch, 'store.jsonl')
    await pipeline(q.snapshot(), createWriteStream(file))

    // What is in it.
    const names: string[] = []
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const { entity } = JSON.parse(line) as SnapshotLine
      if (entity?.type.startsWith('Tour') === true) names.push(`${entity.name} (${entity.type})`)
    }
    print(`entities of the tour: ${names.sort().join(', ')}`)

    // What has changed since then, below the tour's folder.
    await q.of(Device).write(await findDevice(q, 'LivingRoomLight'), 'Location', 'Cellar')
    await q.delete('tour-myapp')
    await using restore = await q.restore(createReadStream(file), { under: '/Store tour' })
    const { entities, fields } = restore.plan
    print(`a restore would create ${entities.created} and change ${fields.changed} field`)
    // `restore.apply()` would do it. It begins another history of the store and ends all subscriptions, so not here:
    // ../snapshots.ts does.
  } finally {
    await rm(scratch, { recursive: true })
  }
}
