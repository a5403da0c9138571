import { QError } from '@qcore/errors'

/**
 * Waits for something at most so long.
 *
 * @throws QError `deadline_exceeded`; what it waited for may then still go on
 */
export async function within<T>(ms: number, what: string, work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new QError('deadline_exceeded', `${what} takes longer than ${Math.round(ms)} ms`)),
      Math.max(0, ms),
    )
  })
  try {
    return await Promise.race([Promise.resolve().then(work), expired])
  } finally {
    clearTimeout(timer)
  }
}
