/** Something that is to be told when its time is up. */
export interface Deadline {
  /** On the monotonic clock. */
  readonly dueAtMs: number
  onDue(): void
}

/** A longer one would end at once. */
const longestTimeoutMs = 2_147_483_647

const pending = new Set<Deadline>()
let timer: NodeJS.Timeout | undefined
let timerDueAtMs = Number.POSITIVE_INFINITY

/**
 * Watches a deadline. Calls come by the ten thousand and nearly never reach theirs: one timer, set for the earliest,
 * costs less than one each. It keeps no process alive; the connection that a call waits for does.
 */
export function addDeadline(deadline: Deadline): void {
  pending.add(deadline)
  if (deadline.dueAtMs < timerDueAtMs) setTimer(deadline.dueAtMs)
}

export function removeDeadline(deadline: Deadline): void {
  pending.delete(deadline)
}

function setTimer(dueAtMs: number): void {
  clearTimeout(timer)
  timerDueAtMs = dueAtMs
  const waitMs = Math.ceil(dueAtMs - performance.now())
  timer = setTimeout(onTimer, Math.min(Math.max(1, waitMs), longestTimeoutMs))
  timer.unref()
}

function onTimer(): void {
  const now = performance.now()
  let earliestMs = Number.POSITIVE_INFINITY
  timerDueAtMs = earliestMs
  for (const deadline of pending) {
    if (deadline.dueAtMs <= now) {
      pending.delete(deadline)
      deadline.onDue()
    } else if (deadline.dueAtMs < earliestMs) {
      earliestMs = deadline.dueAtMs
    }
  }
  if (earliestMs < timerDueAtMs) setTimer(earliestMs)
}
