import type { QError } from '@qcore/errors'
import { fromConnectError } from '../src/index.ts'

/** The error that a call ends with. */
export async function failure(call: Promise<unknown>): Promise<QError> {
  const error = await call.then(
    () => new Error('the call did not fail'),
    (reason: unknown) => reason,
  )
  return fromConnectError(error)
}

export async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const message of messages) all.push(message)
  return all
}

/** Resolves when the signal of a handler is aborted, and at once if it is. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

export function progress(revision: number): { event: { case: 'progress'; value: { revision: bigint } } } {
  return { event: { case: 'progress', value: { revision: BigInt(revision) } } }
}
