import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { WatchResponseSchema, type WatchResponse } from '@qcore/contracts'
import { latestSteps } from '../registration/delivery/latest-steps.ts'

export interface LatestOptions {
  readonly minIntervalMs: number
  /** Ends the stream; called when nobody wants more. */
  readonly stop: () => void
  readonly signal: AbortSignal
}

/** The responses of a watch where what its caller does not take at once is folded into the next response. */
export async function* latestResponses(
  responses: AsyncIterable<WatchResponse>,
  { minIntervalMs, stop, signal }: LatestOptions,
): AsyncGenerator<WatchResponse> {
  for await (const { event, isLastPart } of latestSteps(responses, stop)) {
    yield create(WatchResponseSchema, { event })
    const isChange = event.case === 'notifications' || event.case === 'folded'
    if (isChange && isLastPart && minIntervalMs > 0) await delay(minIntervalMs, undefined, { signal })
  }
}
