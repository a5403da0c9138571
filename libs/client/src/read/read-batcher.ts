import type { Consistency as ConsistencyMessage } from '@qcore/contracts'
import { QError, isQError } from '@qcore/errors'
import { canceled } from '../calls/backoff.ts'
import { BatchSignal } from '../calls/batch-signal.ts'
import { blamedPart, errorOfPart, isRefusedForContent } from '../calls/blame.ts'
import type { Caller } from '../calls/caller.ts'
import { atEndOfTick } from '../calls/tick.ts'
import { consistencyKey, isPast, type Consistency, type ReadOptions, type Session } from './consistency.ts'

/** The most parts that a request of any reading method may have. */
const partsPerRequest = 1_000
/** Keeps a request below what NATS carries, with room for headers and encoding. */
const bytesPerRequest = 700_000

/** A reading method whose requests hold many parts. */
export interface BatchedMethod<Part, Result> {
  /** The name of the parts in the request, as errors name them. */
  list: string
  /** About how many bytes a part takes. */
  sizeOf: (part: Part) => number
  /** Makes one attempt; the results are one a part, in order. */
  send: (
    parts: Part[],
    consistency: ConsistencyMessage | undefined,
    call: { timeoutMs: number; signal: AbortSignal },
  ) => Promise<BatchAnswer<Result>>
}

export interface BatchAnswer<Result> {
  revision: number
  results: readonly Result[]
}

/** Parts that one caller asked for: they stay together in one request. */
interface Bundle<Part, Result> {
  readonly parts: readonly Part[]
  readonly bytes: number
  resolve: (answer: BatchAnswer<Result>) => void
  reject: (error: unknown) => void
  /** Set while the bundle is in a request. */
  batch: BatchSignal | undefined
  /** Whether the caller does not wait any more. */
  isGivenUp: boolean
}

/** The bundles of a tick that may share a request. */
interface Lane<Part, Result> {
  readonly consistency: Consistency | undefined
  readonly timeoutMs: number
  readonly bundles: Bundle<Part, Result>[]
  canGiveUp: boolean
}

/** Puts the reads of one tick into one request, or as few as hold them. */
export class ReadBatcher<Part, Result> {
  readonly #caller: Caller
  readonly #session: Session
  readonly #method: BatchedMethod<Part, Result>
  #lanes = new Map<string, Lane<Part, Result>>()

  constructor(caller: Caller, session: Session, method: BatchedMethod<Part, Result>) {
    this.#caller = caller
    this.#session = session
    this.#method = method
  }

  /** Reads parts together: at most 1,000. */
  read(parts: readonly Part[], { consistency, timeoutMs, signal }: ReadOptions = {}): Promise<BatchAnswer<Result>> {
    return new Promise((resolve, reject) => {
      const bundle: Bundle<Part, Result> = {
        parts,
        bytes: parts.reduce((sum, part) => sum + this.#method.sizeOf(part), 0),
        resolve,
        reject,
        batch: undefined,
        isGivenUp: false,
      }
      const lane = this.#laneOf(consistency, timeoutMs ?? this.#caller.timeoutMs)
      lane.bundles.push(bundle)
      if (signal === undefined) return
      lane.canGiveUp = true
      followSignal(bundle, signal)
    })
  }

  #laneOf(consistency: Consistency | undefined, timeoutMs: number): Lane<Part, Result> {
    const key = `${consistencyKey(consistency)} ${timeoutMs}`
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      if (this.#lanes.size === 0) atEndOfTick(() => this.#flush())
      lane = { consistency, timeoutMs, bundles: [], canGiveUp: false }
      this.#lanes.set(key, lane)
    }
    return lane
  }

  #flush(): void {
    const lanes = this.#lanes
    this.#lanes = new Map()
    for (const lane of lanes.values()) {
      const deadlineAt = performance.now() + lane.timeoutMs
      const bundles = lane.canGiveUp ? lane.bundles.filter(({ isGivenUp }) => !isGivenUp) : lane.bundles
      for (const request of filled(bundles)) void this.#send(request, lane, deadlineAt)
    }
  }

  /** Sends bundles and settles all of them. */
  async #send(bundles: readonly Bundle<Part, Result>[], lane: Lane<Part, Result>, deadlineAt: number): Promise<void> {
    const batch = new BatchSignal(this.#caller.closed, bundles.length, lane.canGiveUp)
    for (const bundle of bundles) bundle.batch = batch
    try {
      const parts = bundles.length === 1 ? [...(bundles[0]?.parts ?? [])] : bundles.flatMap(({ parts: own }) => own)
      const demand = this.#session.demand(lane.consistency)
      const answer = await this.#caller.retry(
        (timeoutMs, signal) => this.#method.send(parts, demand, { timeoutMs, signal }),
        { deadlineAt, signal: batch.signal, isRead: true, isRepeatable: true },
      )
      settle(bundles, answer)
    } catch (error) {
      if (isQError(error, 'future_revision') && !isPast(lane.consistency)) this.#session.reset()
      await this.#recover(error, bundles, lane, deadlineAt)
    } finally {
      batch.release()
    }
  }

  /** One refused part is not the others' fault: they are sent again without it. */
  async #recover(
    failure: unknown,
    bundles: readonly Bundle<Part, Result>[],
    lane: Lane<Part, Result>,
    deadlineAt: number,
  ): Promise<void> {
    if (bundles.length === 1 || !(failure instanceof QError) || !isRefusedForContent(failure)) {
      for (const bundle of bundles)
        bundle.reject(failure instanceof QError ? errorOfPart(failure, this.#method.list) : failure)
      return
    }
    const blamed = bundleOf(bundles, blamedPart(failure, this.#method.list))
    blamed?.reject(errorOfPart(failure, this.#method.list))
    const others = bundles.filter((bundle) => bundle !== blamed && !bundle.isGivenUp)
    const middle = blamed === undefined ? Math.ceil(others.length / 2) : others.length
    const requests = [others.slice(0, middle), others.slice(middle)].filter(({ length }) => length > 0)
    await Promise.all(requests.map((request) => this.#send(request, lane, deadlineAt)))
  }
}

/** Rejects a bundle when its caller gives up. */
function followSignal<Part, Result>(bundle: Bundle<Part, Result>, signal: AbortSignal): void {
  const { resolve, reject } = bundle
  const onAbort = (): void => {
    bundle.isGivenUp = true
    bundle.batch?.giveUp()
    bundle.reject(canceled(signal))
  }
  const release = (): void => signal.removeEventListener('abort', onAbort)
  bundle.resolve = (answer) => {
    release()
    resolve(answer)
  }
  bundle.reject = (error) => {
    release()
    reject(error)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
}

/** Divides bundles into requests, in order. */
function* filled<B extends { parts: readonly unknown[]; bytes: number }>(bundles: readonly B[]): Generator<B[]> {
  let request: B[] = []
  let parts = 0
  let bytes = 0
  for (const bundle of bundles) {
    if (parts > 0 && (parts + bundle.parts.length > partsPerRequest || bytes + bundle.bytes > bytesPerRequest)) {
      yield request
      request = []
      parts = 0
      bytes = 0
    }
    request.push(bundle)
    parts += bundle.parts.length
    bytes += bundle.bytes
  }
  if (request.length > 0) yield request
}

function settle<Part, Result>(bundles: readonly Bundle<Part, Result>[], answer: BatchAnswer<Result>): void {
  const [only] = bundles
  if (bundles.length === 1 && only !== undefined) {
    only.resolve(answer)
    return
  }
  let start = 0
  for (const bundle of bundles) {
    const end = start + bundle.parts.length
    bundle.resolve({ revision: answer.revision, results: answer.results.slice(start, end) })
    start = end
  }
}

function bundleOf<B extends { parts: readonly unknown[] }>(
  bundles: readonly B[],
  part: number | undefined,
): B | undefined {
  if (part === undefined) return undefined
  let end = 0
  return bundles.find((bundle) => {
    end += bundle.parts.length
    return part < end
  })
}
