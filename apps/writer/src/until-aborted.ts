/** A promise's result, unless the signal is aborted first; the promise is then left to itself. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const stop = (): void => reject(new Error('ended before the answer came', { cause: signal.reason }))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true, signal: stopped.signal })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    stopped.abort()
  }
}
