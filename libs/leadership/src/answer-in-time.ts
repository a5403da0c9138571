import { QError } from '@qcore/errors'

/** What a leadership store answers, or why it does not: until the signal is aborted, and as QError `unavailable`. */
export async function answerInTime<T>(server: string, answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const waiting = new AbortController()
  const expired = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(new QError('unavailable', `${server} did not answer in time`))
    signal?.addEventListener('abort', onAbort, { once: true, signal: waiting.signal })
    if (signal?.aborted === true) onAbort()
  })
  try {
    return await Promise.race([answer, expired])
  } catch (error) {
    if (error instanceof QError) throw error
    throw new QError('unavailable', `${server} does not answer as it should: ${String(error)}`, { cause: error })
  } finally {
    waiting.abort()
  }
}
