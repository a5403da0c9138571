import { setTimeout as delay } from 'node:timers/promises'

const pollMs = 50

/** Asks until something is so, or the time is over. Gives the last answer; undefined says that it is not so. */
export async function until<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  withinMs: number,
): Promise<T | undefined> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined || performance.now() > deadline) return answer
    await delay(pollMs)
  }
}
