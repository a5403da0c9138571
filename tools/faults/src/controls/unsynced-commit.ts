import { recordRun } from '../record-run.ts'
import { cutPower, planOnDisk } from '../scenarios/disks.ts'
import type { FaultRun, Scenario } from '../scenarios/scenario.ts'
import { afterServerMs } from '../scenarios/servers.ts'
import type { DiskImage } from '../faults/disk-image.ts'
import type { Control } from './control.ts'

const diskBytes = 805_306_368
/** PostgreSQL is left to sync when it likes. */
const settings = { synchronous_commit: 'off', wal_writer_delay: '10s', wal_writer_flush_after: '0' }

const unsynced: Scenario = {
  name: 'unsynced-commit',
  summary: 'a power cut of a PostgreSQL that answers before it has synced (synchronous_commit=off)',
  needs: ['loop devices'],
  inSmoke: true,
  plan: planOnDisk(diskBytes, cutPowerOnce, settings),
}

export const unsyncedCommit: Control = {
  name: unsynced.name,
  summary: unsynced.summary,
  needs: unsynced.needs,
  bites: ['acknowledged'],
  record: async ({ seed, folder, signal }) => (await recordRun(unsynced, { seed, folder, signal })).recording,
}

async function cutPowerOnce(run: FaultRun, disk: DiskImage): Promise<void> {
  await disk.sync()
  await run.wait(2_000)
  await run.fault({
    name: 'power cut of PostgreSQL',
    recovery: { from: 'heal', mostMs: afterServerMs },
    begin: async () => cutPower(run.cluster, disk),
    durationMs: 0,
    heal: async () => {
      await run.cluster.postgres.restart()
      return undefined
    },
  })
}
