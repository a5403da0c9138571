import { chmod, cp, mkdtemp } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startCluster } from './cluster/cluster.ts'
import { atExit, folderPrefix, removeFolder } from './cluster/leftovers.ts'
import { collectRecording } from './history/collect-recording.ts'
import { monotonicMs } from './history/monotonic.ts'
import type { EventsRecord, FaultRecord, Recording } from './history/recording.ts'
import { prepareStore, startLoad } from './load/load.ts'
import { Random } from './load/random.ts'
import type { Fault, FaultRun, Scenario } from './scenarios/scenario.ts'

/** A fault counts only if so many operations a second were answered before it. */
export const leastRate = 50
/** A run takes about half a minute, and two at most; one that takes longer hangs. */
const longestRunMs = 300_000
const warmUpMs = 3_000
const loadWithinMs = 20_000
const tailMs = 3_000
const pollMs = 50

/** What a run of a scenario left. */
export interface RecordedRun {
  readonly recording: Recording
  /** What did not come out as the scenario expects. */
  readonly disappointments: readonly string[]
  /** Why the run does not count. */
  readonly voids: readonly string[]
  /** Operations answered a second, before each fault. */
  readonly rates: readonly number[]
}

interface Notes {
  readonly faults: FaultRecord[]
  readonly disappointments: string[]
  readonly voids: string[]
  readonly rates: number[]
  events?: EventsRecord
}

/** Starts a cluster and its load, breaks it, heals it, and records what happened. */
export async function recordRun(
  scenario: Scenario,
  { seed, folder, ...stop }: { readonly seed: number; readonly folder: string; readonly signal: AbortSignal },
): Promise<RecordedRun> {
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(longestRunMs)])
  await using parts = new AsyncDisposableStack()
  const dataFolder = await openDataFolder(parts)
  const { cluster: special = {}, breakAndHeal, collect } = await scenario.plan({ dataFolder, parts })
  parts.defer(() => keepLogs(dataFolder, folder))
  const cluster = parts.use(await startCluster({ folder, dataFolder, signal, ...special }))
  await prepareStore(cluster)
  const load = parts.use(await startLoad(cluster, seed))
  const notes: Notes = { faults: [], disappointments: [], voids: [], rates: [] }
  const run = openRun({ cluster, load, random: new Random(seed), folder, dataFolder, signal }, notes)
  await run.wait(warmUpMs)
  await breakAndHeal(run)
  await run.nextAcknowledgement()
  await run.wait(tailMs)
  const further = await collect?.()
  const { recording, isRestless } = await collectRecording(cluster, load, notes.faults)
  if (isRestless) notes.disappointments.push('nothing is committed after the load has ended')
  for (const { crashes } of cluster.nodes) notes.disappointments.push(...crashes)
  const { events, ...found } = notes
  return { ...found, recording: { ...recording, ...(events === undefined ? {} : { events }), ...further } }
}

/** Makes a folder for the servers' data that their account can enter. It is removed at the end. */
async function openDataFolder(parts: AsyncDisposableStack): Promise<string> {
  const dataFolder = await mkdtemp(folderPrefix())
  await chmod(dataFolder, 0o711)
  parts.use(atExit(() => removeFolder(dataFolder)))
  parts.defer(() => removeFolder(dataFolder))
  return dataFolder
}

/** Copies the logs of the servers, wherever their data is. */
async function keepLogs(dataFolder: string, folder: string): Promise<void> {
  for (const server of ['postgres', 'disk/postgres', 'nats', 'redis']) {
    const log = path.join(dataFolder, server, 'server.log')
    await cp(log, path.join(folder, `${path.basename(server)}.log`)).catch(() => undefined)
  }
}

type RunSetting = Pick<FaultRun, 'cluster' | 'load' | 'random' | 'folder' | 'dataFolder' | 'signal'>

function openRun(setting: RunSetting, notes: Notes): FaultRun {
  const { load, signal } = setting
  const { faults, disappointments, voids, rates } = notes
  const nextAcknowledgement = async (): Promise<void> => {
    const before = load.acknowledged()
    const deadline = performance.now() + loadWithinMs
    while (load.acknowledged() === before && performance.now() < deadline) await delay(pollMs, undefined, { signal })
  }
  const untilLoaded = async (): Promise<void> => {
    const deadline = performance.now() + loadWithinMs
    while (load.rate() < leastRate && performance.now() < deadline) await delay(pollMs, undefined, { signal })
    rates.push(load.rate())
  }
  const fault = async ({ name, recovery, begin, durationMs, heal }: Fault): Promise<void> => {
    await untilLoaded()
    const rate = rates.at(-1) ?? 0
    if (rate < leastRate) voids.push(`${name}: only ${Math.round(rate)} operations/s before it, not ${leastRate}`)
    const beganMs = monotonicMs()
    const atBegin = await begin()
    await delay(durationMs, undefined, { signal })
    const atEnd = await heal()
    const proof = [atBegin, atEnd].filter((part) => part !== undefined && part !== '').join('; ')
    if (proof === '') voids.push(`${name}: nothing shows that it hit`)
    faults.push({ name, beganMs, healedMs: monotonicMs(), proof, ...(recovery === undefined ? {} : { recovery }) })
  }
  return {
    ...setting,
    fault,
    nextAcknowledgement,
    record: (events) => {
      notes.events = events
    },
    wait: async (ms) => delay(ms, undefined, { signal }),
    expect: (isTrue, expectation) => void (isTrue || disappointments.push(expectation)),
  }
}
