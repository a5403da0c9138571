import { isQError } from '@qcore/errors'
import {
  decodeSchemaChanged,
  RecordHistory,
  type EntitySource,
  type LogRecord,
  type PresentTypes,
} from '@qcore/replica'
import type { PastEntities } from '../context-fields/past-entities.ts'
import { DependencyIndex } from '../track/dependency-index.ts'
import { StateBudget } from '../track/state-budget.ts'
import type { StreamTrackers, TrackedChange } from '../track/stream-trackers.ts'
import { TrackedEntities } from '../track/tracked-entities.ts'
import type { Tracker } from '../track/tracker.ts'
import type { WatchStream } from '../stream/watch-stream.ts'

/** A schema changed, or something is not at hand: the stream has to read the log again, from this revision on. */
export type TrackedOutcome = readonly TrackedChange[] | 'behind'

/** What the streams share that follow paths and queries. */
export class LiveTracking {
  readonly index = new DependencyIndex<Tracker>()
  readonly budget: StateBudget
  /** The commits that streams which are about to join may still need. */
  readonly history = new RecordHistory()
  readonly #types: () => PresentTypes | undefined
  #entities: TrackedEntities
  readonly #streams = new Map<StreamTrackers, WatchStream>()
  readonly #trackers = new Map<Tracker, StreamTrackers>()

  constructor(types: () => PresentTypes | undefined, mostBytes: number) {
    this.budget = new StateBudget(mostBytes)
    this.#types = types
    this.#entities = this.#noEntities()
  }

  /** Begins at a revision, of what may be another log. Those who are live are so no longer. */
  begin(revision: number): void {
    for (const trackers of this.#streams.keys()) this.leave(trackers)
    this.history.clear(revision)
    this.#entities = this.#noEntities()
  }

  #noEntities(): TrackedEntities {
    return new TrackedEntities((name) => this.#types()?.get(name), this.budget)
  }

  /** Trackers whose evaluations the index has; not live yet. */
  open(stream: WatchStream, trackers: StreamTrackers): void {
    this.#streams.set(trackers, stream)
    for (const tracker of trackers.trackers) this.#trackers.set(tracker, trackers)
  }

  /**
   * From the next commit on the trackers are told of commits. They must be at the applied revision.
   *
   * @throws QError `too_much_state`
   */
  join(trackers: StreamTrackers, known: PastEntities): void {
    trackers.settle(this.#entities, known)
    this.budget.assertKept(trackers.trackers[0]?.field ?? '')
    trackers.isLive = true
  }

  close(trackers: StreamTrackers): void {
    trackers.close()
    this.#streams.delete(trackers)
    for (const tracker of trackers.trackers) this.#trackers.delete(tracker)
  }

  /** Takes the next commit; gives what it means for live streams. */
  apply(record: LogRecord, present: PresentTypes | undefined): Map<WatchStream, TrackedOutcome> {
    this.history.add(record)
    const outcomes = new Map<WatchStream, TrackedOutcome>()
    if (this.#streams.size === 0) return outcomes
    this.#entities.apply(record, (type) => this.index.watchesType(type))
    this.#applySchemas(record, outcomes)
    const affected = this.index.affected(record, (tracker) => this.#trackers.get(tracker)?.isLive === true)
    const view = { source: this.#entities as EntitySource, present }
    for (const [trackers, ofStream] of Map.groupBy(affected, ([tracker]) => this.#trackers.get(tracker))) {
      const stream = trackers && this.#streams.get(trackers)
      if (trackers === undefined || stream === undefined || !trackers.isLive) continue
      outcomes.set(
        stream,
        this.#step(stream, trackers, () => trackers.step(new Map(ofStream), view)),
      )
    }
    return outcomes
  }

  /** Reads the log again, what was read of it until now stays. */
  leave(trackers: StreamTrackers): void {
    trackers.isLive = false
  }

  #step(stream: WatchStream, trackers: StreamTrackers, step: () => TrackedChange[] | undefined): TrackedOutcome {
    try {
      const changes = step()
      if (changes !== undefined) {
        trackers.settle(this.#entities, this.#entities)
        return changes
      }
      this.leave(trackers)
      return 'behind'
    } catch (error) {
      if (!isQError(error, 'too_much_state')) throw error
      stream.end({ code: 'too_much_state', message: error.message, field: error.field })
      return []
    }
  }

  #applySchemas({ changes }: LogRecord, outcomes: Map<WatchStream, TrackedOutcome>): void {
    for (const change of changes) {
      if (change.kind !== 'schema_changed') continue
      const changed = decodeSchemaChanged(change)
      for (const [trackers, stream] of this.#streams) {
        if (!trackers.isLive || !trackers.dependOn(changed)) continue
        this.leave(trackers)
        outcomes.set(stream, 'behind')
      }
    }
  }
}
