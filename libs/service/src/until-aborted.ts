import { QError } from '@qcore/errors'

/**
 * A promise's result, unless the signal is aborted first; the promise is then left to itself.
 *
 * @throws QError `deadline_exceeded`
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new QError('deadline_exceeded', 'no answer in time', { cause: signal.reason }))
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
