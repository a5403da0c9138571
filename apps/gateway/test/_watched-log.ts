import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { createRouterTransport, type ConnectError, type Transport } from '@connectrpc/connect'
import { WatchResponseSchema, WatchService, type WatchRequest, type WatchResponse } from '@qcore/contracts'

export const logId = 'log'

interface Call {
  readonly request: WatchRequest
  readonly token: string
  isOpen: boolean
  /** Ends it. */
  readonly fail: (error: ConnectError) => void
}

/** A log of revisions, and a service that tells of them as notifiers do. A value that is a list is told in parts. */
export class WatchedLog {
  readonly calls: Call[] = []
  readonly transport: Transport
  readonly #revisions: (readonly string[])[] = []
  #changed = Promise.withResolvers<void>()
  /** Turns that a call waits before each revision: how far behind the log it is. */
  lag: () => number = () => 0

  constructor() {
    this.transport = createRouterTransport(({ service }) => {
      service(WatchService, {
        watch: (request, { requestHeader, signal }) => this.#watch(request, requestHeader, signal),
      })
    })
  }

  get revision(): number {
    return this.#revisions.length
  }

  get open(): Call[] {
    return this.calls.filter(({ isOpen }) => isOpen)
  }

  /** Appends a revision: its values, each in a part of its own. No values: nothing that anybody watches. */
  append(...values: readonly string[]): void {
    this.#revisions.push(values)
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async *#watch(request: WatchRequest, header: Headers, signal: AbortSignal): AsyncGenerator<WatchResponse> {
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => undefined)
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    const token = header.get('authorization')?.replace('Bearer ', '') ?? ''
    const call: Call = { request, token, isOpen: !signal.aborted, fail: failed.reject }
    this.calls.push(call)
    // Nobody may ask for what comes next.
    signal.addEventListener('abort', () => (call.isOpen = false))
    try {
      let reached = Number(request.resumeAfter ?? BigInt(this.revision))
      yield responseOf({ case: 'live', value: { revision: BigInt(reached), logId } })
      while (!signal.aborted) {
        for (let turn = this.lag(); turn > 0; turn -= 1) await new Promise(setImmediate)
        const values = this.#revisions[reached]
        if (values === undefined) {
          await Promise.race([this.#changed.promise, failed.promise, aborted])
          continue
        }
        await Promise.race([Promise.resolve(), failed.promise])
        reached += 1
        yield* responsesOf(reached, values)
      }
    } finally {
      call.isOpen = false
    }
  }
}

function* responsesOf(reached: number, values: readonly string[]): Generator<WatchResponse> {
  const revision = BigInt(reached)
  if (values.length === 0) yield responseOf({ case: 'progress', value: { revision } })
  for (const [index, string] of values.entries()) {
    const current = { entityId: 'e', name: 'Value', value: { kind: { case: 'string' as const, value: string } } }
    const notifications = [{ subscriptions: [0], current }]
    const more = index < values.length - 1
    yield responseOf({ case: 'notifications', value: { revision, notifications, more } })
  }
}

function responseOf(event: NonNullable<MessageInitShape<typeof WatchResponseSchema>['event']>): WatchResponse {
  return create(WatchResponseSchema, { event })
}
