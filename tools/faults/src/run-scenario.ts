import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { allChecks } from './checks/all-checks.ts'
import { longestPauseMs } from './checks/recovery.ts'
import { startCluster, storeName, type Cluster } from './cluster/cluster.ts'
import { atExit, folderPrefix, removeFolder } from './cluster/leftovers.ts'
import { missingAbility } from './faults/machine.ts'
import { dumpCaches } from './history/dump-caches.ts'
import { dumpFields, dumpLog } from './history/dump-log.ts'
import { dumpStream } from './history/dump-stream.ts'
import { monotonicMs } from './history/monotonic.ts'
import type { FaultRecord, Recording } from './history/recording.ts'
import { writeRecording } from './history/recording-files.ts'
import { prepareStore, startLoad, type Load } from './load/load.ts'
import { Random } from './load/random.ts'
import { resultWithout, type RunResult } from './report/run-result.ts'
import type { Fault, FaultRun, Scenario } from './scenarios/scenario.ts'

/** A fault counts only if so many operations a second were answered before it. */
export const leastRate = 50
const warmUpMs = 3_000
const loadWithinMs = 20_000
const tailMs = 3_000
const settleMs = 20_000
const catchUpMs = 20_000
const pollMs = 50
const shownViolations = 5

export interface RunOptions {
  readonly seed: number
  /** Where the runs are kept; each has a folder of its own in it. */
  readonly runsFolder: string
  readonly signal: AbortSignal
}

/** Runs a scenario on a cluster of its own: load, faults, healing; then the recorded history is checked. */
export async function runScenario(scenario: Scenario, { seed, runsFolder, signal }: RunOptions): Promise<RunResult> {
  for (const ability of scenario.needs) {
    const reason = await missingAbility(ability)
    if (reason === undefined) continue
    return resultWithout(scenario, { seed, outcome: 'not run', reason: `this machine has no ${ability}: ${reason}` })
  }
  const folder = path.join(runsFolder, `${scenario.name}-${seed}`)
  const beganMs = performance.now()
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const expectations: string[] = []
  const voids: string[] = []
  const rates: number[] = []
  let result: RunResult
  try {
    const recording = await record(scenario, { seed, folder, signal, expectations, voids, rates })
    await writeRecording(folder, recording)
    result = judge(scenario, recording, { seed, folder, expectations, voids, rates })
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    result = resultWithout(scenario, { seed, outcome: 'failed', reason: `the run broke off: ${reason}` })
  }
  const timed = { ...result, durationMs: Math.round(performance.now() - beganMs) }
  await writeFile(path.join(folder, 'result.json'), `${JSON.stringify(timed, null, 2)}\n`)
  return timed
}

interface Notes {
  readonly seed: number
  readonly folder: string
  readonly expectations: string[]
  readonly voids: string[]
  readonly rates: number[]
}

async function record(scenario: Scenario, notes: Notes & { signal: AbortSignal }): Promise<Recording> {
  const { seed, folder, signal } = notes
  await using parts = new AsyncDisposableStack()
  const dataFolder = await openDataFolder(parts)
  const { cluster: special = {}, breakAndHeal } = await scenario.plan({ dataFolder, parts })
  parts.defer(() => keepLogs(dataFolder, folder))
  const cluster = parts.use(await startCluster({ folder, dataFolder, signal, ...special }))
  await prepareStore(cluster)
  const faults: FaultRecord[] = []
  const load = parts.use(await startLoad(cluster, seed))
  const run = openRun({ cluster, load, faults, dataFolder, random: new Random(seed), ...notes })
  await delay(warmUpMs, undefined, { signal })
  await breakAndHeal(run)
  await run.nextAcknowledgement()
  await run.wait(tailMs)
  return await collect(cluster, load, { faults, expectations: notes.expectations })
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

function openRun(
  base: Pick<FaultRun, 'cluster' | 'load' | 'random' | 'dataFolder'> &
    Notes & { signal: AbortSignal; faults: FaultRecord[] },
): FaultRun {
  const { cluster, load, random, folder, dataFolder, signal, faults, expectations, voids, rates } = base
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
    cluster,
    load,
    random,
    folder,
    dataFolder,
    signal,
    fault,
    nextAcknowledgement,
    wait: async (ms) => delay(ms, undefined, { signal }),
    expect: (isTrue, expectation) => void (isTrue || expectations.push(expectation)),
  }
}

/** Ends the load, settles what is in doubt, waits for everything to be quiet, and reads it all. */
async function collect(
  cluster: Cluster,
  load: Load,
  { faults, expectations }: { faults: readonly FaultRecord[]; expectations: string[] },
): Promise<Recording> {
  const loadEndedMs = monotonicMs()
  await load.stop()
  await load.settle(AbortSignal.timeout(settleMs))
  const { head, log } = await dumpLog(cluster.pool)
  await load.catchUp(head.revision, AbortSignal.timeout(catchUpMs))
  const stream = await dumpStream(cluster.nats, { store: storeName, untilRevision: head.revision })
  const caches = await dumpCaches(cluster, head.revision)
  const fields = await dumpFields(cluster.pool)
  const { head: after } = await dumpLog(cluster.pool)
  if (after.revision !== head.revision) expectations.push('nothing is committed after the load has ended')
  for (const { crashes } of cluster.nodes) for (const crash of crashes) expectations.push(`no process ends: ${crash}`)
  const { operations } = load
  return { operations, subscribers: load.subscribers(), log, head, fields, stream, caches, faults, loadEndedMs }
}

function judge(scenario: Scenario, recording: Recording, notes: Notes): RunResult {
  const { seed, folder, expectations, voids, rates } = notes
  const checks = Object.fromEntries(allChecks.map(({ name, find }) => [name, find(recording)]))
  const violations = [
    ...expectations.map((each) => `expected: ${each}`),
    ...Object.entries(checks).flatMap(([name, found]) => found.slice(0, shownViolations).map((v) => `${name}: ${v}`)),
  ]
  const { operations, faults } = recording
  const count = (test: (operation: Recording['operations'][number]) => boolean): number =>
    operations.filter(test).length
  return {
    scenario: scenario.name,
    summary: scenario.summary,
    seed,
    outcome: violations.length > 0 ? 'failed' : voids.length > 0 ? 'void' : 'passed',
    reasons: [...violations, ...voids],
    folder,
    durationMs: 0,
    ratePerSecond: Math.round(Math.min(...rates)),
    operations: operations.length,
    acknowledged: count(({ outcome, requestKey }) => outcome === 'ok' && requestKey !== ''),
    inDoubt: count(({ wasInDoubt }) => wasInDoubt),
    revisions: recording.head.revision,
    checks: Object.fromEntries(Object.entries(checks).map(([name, found]) => [name, found.length])),
    faults: faults.map((fault, index) => ({
      name: fault.name,
      proof: fault.proof,
      pauseMs: Math.round(longestPauseMs(recording, fault, faults[index + 1]) ?? 0),
      allowedMs: fault.recovery?.mostMs ?? 0,
    })),
  }
}
