import type { Delivery, WatchResponse } from '@qcore/contracts'

/** What a registration sends next: a part of what happened after one revision up to another. */
export interface DeliveryStep {
  readonly previousRevision: number
  readonly revision: number
  /** From 0. */
  readonly part: number
  readonly isLastPart: boolean
  readonly event: Extract<Delivery['event'], { case: 'notifications' | 'folded' | 'progress' | 'live' }>
}

/** The responses of a stream as steps, each revision by itself. */
export async function* losslessSteps(responses: AsyncIterable<WatchResponse>): AsyncGenerator<DeliveryStep> {
  let previousRevision = 0
  let part = 0
  for await (const { event } of responses) {
    // Nothing is folded yet.
    if (event.case === undefined || event.case === 'folded') continue
    const revision = Number(event.value.revision)
    if (event.case === 'live') {
      yield { previousRevision: revision, revision, part: 0, isLastPart: true, event }
      previousRevision = revision
      continue
    }
    const isLastPart = event.case === 'progress' || !event.value.more
    yield { previousRevision, revision, part, isLastPart, event }
    part = isLastPart ? 0 : part + 1
    if (isLastPart) previousRevision = revision
  }
}
