import { AsyncLocalStorage } from 'node:async_hooks'

const traceparents = new AsyncLocalStorage<string>()

/** The W3C `traceparent` of the call that is being handled. Calls made meanwhile carry it. */
export function currentTraceparent(): string | undefined {
  return traceparents.getStore()
}

/** Runs an action as part of a trace. */
export function withTraceparent<T>(traceparent: string | undefined, action: () => T): T {
  return traceparent === undefined ? action() : traceparents.run(traceparent, action)
}
