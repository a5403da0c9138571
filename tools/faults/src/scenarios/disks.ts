import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Cluster } from '../cluster/cluster.ts'
import { openDiskImage, type DiskImage } from '../faults/disk-image.ts'
import { childrenOf } from '../faults/process-state.ts'
import { slowSync } from '../faults/slow-sync.ts'
import { until } from '../faults/until.ts'
import { planOf, type FaultRun, type Scenario } from './scenario.ts'
import { afterServerMs } from './servers.ts'

const mebibyte = 1_048_576
const noticeMs = 8_000

export const powerCut: Scenario = {
  name: 'power-cut',
  summary: 'a power cut of PostgreSQL: what was not synced to its disk is lost; twice',
  needs: ['loop devices'],
  inSmoke: true,
  plan: planOnDisk(768 * mebibyte, cutPowerTwice),
}

async function cutPowerTwice(run: FaultRun, disk: DiskImage): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await disk.sync()
    await run.wait(1_500 + run.random.below(1_500))
    await run.fault({
      name: 'power cut of PostgreSQL',
      recovery: { from: 'heal', mostMs: afterServerMs },
      begin: async () => cutPower(run.cluster, disk),
      durationMs: 500,
      heal: async () => {
        await run.cluster.postgres.restart()
        return undefined
      },
    })
  }
}

/** Freezes PostgreSQL, keeps what its disk has at that moment, ends it, and puts the disk back to what was kept. */
export async function cutPower({ postgres }: Cluster, disk: DiskImage): Promise<string | undefined> {
  const pid = postgres.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  const children = childrenOf(pid)
  for (const each of children) process.kill(each, 'SIGSTOP')
  await disk.copy()
  for (const each of [...children, pid]) process.kill(each, 'SIGKILL')
  const end = await postgres.ended()
  await disk.revertToCopy()
  return `${children.length + 1} processes of PostgreSQL ended (${end}), its disk went back to what was synced`
}

export const diskFull: Scenario = {
  name: 'disk-full',
  summary: "no space left on PostgreSQL's disk, for five seconds and more",
  needs: ['loop devices'],
  inSmoke: false,
  plan: planOnDisk(256 * mebibyte, fillDisk),
}

async function fillDisk(run: FaultRun, disk: DiskImage): Promise<void> {
  const { postgres, logFile } = run.cluster
  await run.fault({
    name: "PostgreSQL's disk full",
    recovery: { from: 'heal', mostMs: afterServerMs },
    begin: async () => {
      await disk.fill()
      return until(async () => {
        const log = await readFile(logFile, 'utf8')
        return /No space left|could not extend file|53100/.test(log) ? 'a writer was told of no space' : undefined
      }, noticeMs)
    },
    durationMs: 5_000,
    heal: async () => {
      await disk.free()
      // A PostgreSQL that cannot write its log ends; whoever looks after it starts it again.
      const hasEnded = childrenOf(process.pid).every((pid) => pid !== postgres.pid)
      if (hasEnded) await postgres.restart()
      return hasEnded ? 'PostgreSQL had ended' : undefined
    },
  })
}

const fsyncDelayMs = 300

export const slowDisk: Scenario = {
  name: 'slow-fsync',
  summary: `every fsync of PostgreSQL takes ${fsyncDelayMs} ms longer, for eight seconds`,
  needs: ['strace'],
  inSmoke: false,
  plan: planOf(async (run) => {
    const { postgres } = run.cluster
    const before = await readEpoch(run)
    let slow: ReturnType<typeof slowSync> | undefined
    await run.fault({
      name: 'slow fsync',
      recovery: { from: 'begin', mostMs: 3_000 },
      begin: async () => {
        slow = slowSync(postgres.pid ?? 0, { delayMs: fsyncDelayMs, report: path.join(run.folder, 'strace.log') })
        return undefined
      },
      durationMs: 8_000,
      heal: async () => {
        const calls = (await slow?.end()) ?? 0
        return calls > 0 ? `${calls} calls were slowed` : undefined
      },
    })
    run.expect((await readEpoch(run)) === before, 'a slow disk changes no leader')
  }),
}

async function readEpoch({ cluster: { pool } }: FaultRun): Promise<number> {
  const { rows } = await pool.query<{ epoch: number }>('select epoch from head')
  return rows[0]?.epoch ?? 0
}

/** The plan of a scenario whose PostgreSQL has a disk of its own. */
export function planOnDisk(
  sizeBytes: number,
  breakAndHeal: (run: FaultRun, disk: DiskImage) => Promise<void>,
  postgresSettings: Record<string, string> = {},
): Scenario['plan'] {
  return async ({ dataFolder, parts }) => {
    const disk = parts.use(await openDiskImage(dataFolder, sizeBytes))
    const cluster = { postgresFolder: path.join(disk.folder, 'postgres'), postgresSettings }
    return { cluster, breakAndHeal: async (run) => breakAndHeal(run, disk) }
  }
}
