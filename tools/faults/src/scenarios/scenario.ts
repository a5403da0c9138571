import type { Cluster, ClusterOptions } from '../cluster/cluster.ts'
import type { Ability } from '../faults/machine.ts'
import type { EventsRecord, FaultRecord, Recording } from '../history/recording.ts'
import type { Load } from '../load/load.ts'
import type { Random } from '../load/random.ts'

/** A way to break the cluster under load. */
export interface Scenario {
  readonly name: string
  /** What happens, for the table. */
  readonly summary: string
  /** What the machine must be able to do; otherwise the scenario is not run. */
  readonly needs: readonly Ability[]
  /** Whether it is part of `smoke`. */
  readonly inSmoke: boolean
  /** Prepares what the cluster needs besides the usual, and says what to do then. */
  plan(this: void, preparation: Preparation): Promise<Plan>
}

export interface Preparation {
  /** Where the servers of the run keep their data; removed at its end. */
  readonly dataFolder: string
  /** Closed after the cluster. */
  readonly parts: AsyncDisposableStack
}

export interface Plan {
  /** What is special about the cluster. */
  readonly cluster?: Partial<
    Pick<ClusterOptions, 'postgresFolder' | 'postgresSettings' | 'place' | 'writerEnv' | 'schedulers'>
  >
  /** Breaks and heals. The load runs before, meanwhile and afterwards. */
  breakAndHeal(this: void, run: FaultRun): Promise<void>
  /** What the recording has besides the usual, read when nothing is done any more. */
  collect?(this: void): Promise<Partial<Recording>>
}

/** The plan of a scenario that needs no preparation. */
export function planOf(breakAndHeal: Plan['breakAndHeal']): Scenario['plan'] {
  return async () => ({ breakAndHeal })
}

/** What a scenario works with. */
export interface FaultRun {
  readonly cluster: Cluster
  readonly load: Load
  readonly random: Random
  /** What is kept of the run. */
  readonly folder: string
  readonly dataFolder: string
  /** Ends the run. */
  readonly signal: AbortSignal
  /** Does a fault, once the load is up, and records it. */
  fault(this: void, fault: Fault): Promise<void>
  /** Lets the load run. */
  wait(ms: number): Promise<void>
  /** Waits until a commit is acknowledged that was not yet; bounded. */
  nextAcknowledgement(): Promise<void>
  /** Notes what became of events, for the checks. */
  record(this: void, events: EventsRecord): void
  /** Notes what did not come out as it must; a failure of the run. */
  expect(isTrue: boolean, expectation: string): void
}

export interface Fault {
  readonly name: string
  readonly recovery?: FaultRecord['recovery']
  /** Breaks something. Returns what shows that it hit, or nothing if that shows only at the end. */
  begin(this: void): Promise<string | undefined>
  /** How long it lasts after `begin`. */
  readonly durationMs: number
  /** Mends it. Returns what shows that it hit. */
  heal(this: void): Promise<string | undefined>
}
