import type { Claims } from '@qcore/access'
import type { WatchRequest } from '@qcore/contracts'
import type { WatchStep } from './watch-step.ts'

/** What may wait for a client, beside what its connection holds, before it counts as slow. */
const mostSteps = 256
const mostBytes = 65_536

/** What keeps a member supplied. */
export interface MemberSource {
  /** Everything that waited for a member was taken. */
  onDrained(): void
  leave(member: WatchMember): void
}

export interface MemberOptions {
  /** The same for all who may share a stream once they are at the same position. */
  readonly key: string
  readonly request: WatchRequest
  readonly token: string
  readonly claims: Claims
}

/** One client of a watch: the steps that wait for it, in order. */
export class WatchMember implements AsyncIterableIterator<WatchStep, undefined> {
  readonly key: string
  readonly request: WatchRequest
  readonly token: string
  readonly claims: Claims
  /** The group it is in. */
  source: MemberSource | undefined
  #waiting: WatchStep[] = []
  #bytes = 0
  #reader: PromiseWithResolvers<IteratorResult<WatchStep, undefined>> | undefined
  #end: { readonly error?: unknown } | undefined

  constructor({ key, request, token, claims }: MemberOptions) {
    this.key = key
    this.request = request
    this.token = token
    this.claims = claims
  }

  get isDrained(): boolean {
    return this.#waiting.length === 0
  }

  get isFull(): boolean {
    return this.#waiting.length >= mostSteps || this.#bytes >= mostBytes
  }

  push(step: WatchStep): void {
    if (this.#end !== undefined) return
    const reader = this.#reader
    if (reader !== undefined) {
      this.#reader = undefined
      reader.resolve({ done: false, value: step })
      return
    }
    this.#waiting.push(step)
    this.#bytes += step.bytes
  }

  /** Ends it, after what waits; with an error if there is one. */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end
    const reader = this.#reader
    this.#reader = undefined
    if (reader !== undefined) this.#ended(this.#end).then(reader.resolve, reader.reject)
  }

  /** Ends it at once: what waits is left. */
  cancel(error: unknown): void {
    this.#forget()
    this.end({ error })
  }

  next(): Promise<IteratorResult<WatchStep, undefined>> {
    const step = this.#waiting.shift()
    if (step !== undefined) {
      this.#bytes -= step.bytes
      if (this.#waiting.length === 0) {
        this.#bytes = 0
        this.source?.onDrained()
      }
      return Promise.resolve({ done: false, value: step })
    }
    if (this.#end !== undefined) return this.#ended(this.#end)
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }

  return(): Promise<IteratorResult<WatchStep, undefined>> {
    this.#forget()
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #forget(): void {
    this.#waiting = []
    this.#bytes = 0
    this.source?.leave(this)
  }

  #ended(end: { readonly error?: unknown }): Promise<IteratorResult<WatchStep, undefined>> {
    const result = Promise.withResolvers<IteratorResult<WatchStep, undefined>>()
    if ('error' in end) result.reject(end.error)
    else result.resolve({ done: true, value: undefined })
    return result.promise
  }
}
