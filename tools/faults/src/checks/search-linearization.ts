import type { RegisterOperation } from './register-history.ts'

/** Whether an order was found, there is none, or the time was over. */
export type SearchResult = 'linearizable' | 'not linearizable' | 'undecided'

/** The begin or the end of an operation, in a list ordered by time from which it can be taken out and put back. */
interface Point {
  readonly operation: number
  readonly isEnd: boolean
  before: Point | undefined
  after: Point | undefined
  /** Of a begin: the end; undefined if the operation has none. */
  end: Point | undefined
}

/**
 * Searches an order of the operations on a register in which each takes effect between its begin and its end, and every
 * read returns what was written last. The algorithm is that of Wing and Gong, with Lowe's memory of what was tried.
 */
export function searchLinearization(
  operations: readonly RegisterOperation[],
  { initial, deadlineMs }: { initial: string; deadlineMs: number },
): SearchResult {
  const head = listPoints(operations)
  const tried = new Set<string>()
  const stack: { point: Point; state: string }[] = []
  let done = 0n
  let state = initial
  let open = operations.filter(({ completedMs }) => completedMs < Infinity).length
  let point = head.after
  for (let steps = 0; open > 0; steps += 1) {
    if (steps % 1_024 === 0 && performance.now() > deadlineMs) return 'undecided'
    if (point !== undefined && !point.isEnd) {
      const operation = operations[point.operation]
      const next = operation === undefined ? undefined : apply(operation, state)
      const after = done | (1n << BigInt(point.operation))
      if (next !== undefined && isNew(tried, after, next)) {
        stack.push({ point, state })
        state = next
        done = after
        if (point.end !== undefined) open -= 1
        takeOut(point)
        point = head.after
      } else {
        point = point.after
      }
      continue
    }
    // An operation ends here that has not taken effect, or nothing is left to try: the last choice was wrong.
    const last = stack.pop()
    if (last === undefined) return 'not linearizable'
    state = last.state
    done &= ~(1n << BigInt(last.point.operation))
    if (last.point.end !== undefined) open += 1
    putBack(last.point)
    point = last.point.after
  }
  return 'linearizable'
}

/** The state after an operation; undefined if it cannot happen in this state. */
function apply({ kind, value }: RegisterOperation, state: string): string | undefined {
  if (kind === 'write') return value
  return value === state ? state : undefined
}

function isNew(tried: Set<string>, done: bigint, state: string): boolean {
  const situation = `${done.toString(36)} ${state}`
  if (tried.has(situation)) return false
  tried.add(situation)
  return true
}

function listPoints(operations: readonly RegisterOperation[]): Point {
  const points = operations.flatMap(({ invokedMs, completedMs }, operation) => {
    const begin: Point = { operation, isEnd: false, before: undefined, after: undefined, end: undefined }
    if (completedMs === Infinity) return [{ timeMs: invokedMs, point: begin }]
    begin.end = { operation, isEnd: true, before: undefined, after: undefined, end: undefined }
    return [
      { timeMs: invokedMs, point: begin },
      { timeMs: completedMs, point: begin.end },
    ]
  })
  // At the same instant, what begins overlaps with what ends.
  points.sort((a, b) => a.timeMs - b.timeMs || Number(a.point.isEnd) - Number(b.point.isEnd))
  const head: Point = { operation: -1, isEnd: false, before: undefined, after: undefined, end: undefined }
  let last = head
  for (const { point } of points) {
    last.after = point
    point.before = last
    last = point
  }
  return head
}

function takeOut(begin: Point): void {
  unlink(begin)
  if (begin.end !== undefined) unlink(begin.end)
}

function putBack(begin: Point): void {
  if (begin.end !== undefined) relink(begin.end)
  relink(begin)
}

function unlink(point: Point): void {
  if (point.before !== undefined) point.before.after = point.after
  if (point.after !== undefined) point.after.before = point.before
}

/** Points are put back in the opposite order, so that their neighbours are those that they had. */
function relink(point: Point): void {
  if (point.before !== undefined) point.before.after = point
  if (point.after !== undefined) point.after.before = point
}
