/**
 * Runs something at most once at a time. Whoever asks while it runs shares the next run, so that every run that answers
 * a call begins after the call.
 */
export function coalesce<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  let queued: Promise<T> | undefined
  const begin = (): Promise<T> => {
    const current = run().finally(() => {
      if (running === current) running = undefined
    })
    running = current
    return current
  }
  return () => {
    if (running === undefined) return begin()
    queued ??= running.then(ignore, ignore).then(() => {
      queued = undefined
      return begin()
    })
    return queued
  }
}

function ignore(): void {
  // Who asked for that run gets its outcome.
}
