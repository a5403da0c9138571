import { create } from '@bufbuild/protobuf'
import { AckOutcomeSchema, DeadLetterReason, type AckOutcome, type EventAnswer } from '@qcore/contracts'
import { fingerprintOf, keptError, readDatabase, type Executor } from '@qcore/database'
import { loadDeadLetter } from '../dead-letter/sql/search-dead-letters.ts'
import {
  extendReplay,
  failReplay,
  finishReplay,
  releaseReplay,
  type ClaimedReplay,
} from '../dead-letter/sql/replays.ts'
import { replayingState } from '../dead-letter/sql/dead-letter-row.ts'
import type { ReplayDelivery } from './delivery-id.ts'
import { deliveryMetrics } from './metrics.ts'

interface ReplayContext {
  readonly delivery: ReplayDelivery
  readonly namespace: string
  readonly pool: Executor
}

/** Notes what a node says of a dead letter that was tried again. */
export async function answerReplay(
  { answer }: EventAnswer,
  { delivery, namespace, pool }: ReplayContext,
): Promise<AckOutcome> {
  const replay: ClaimedReplay = { namespace, id: delivery.deadLetterId, claim: delivery.claim }
  switch (answer.case) {
    case 'handled':
      deliveryMetrics.handled.inc()
      return outcome(await readDatabase(finishReplay(pool, replay)))
    case 'progress':
      return outcome(await readDatabase(extendReplay(pool, replay)))
    case 'failed':
      return fail(answer.value.error, replay, pool)
    default:
      return outcome(await readDatabase(releaseReplay(pool, replay, answer.value?.afterMs ?? 0)))
  }
}

async function fail(error: string, replay: ClaimedReplay, pool: Executor): Promise<AckOutcome> {
  deliveryMetrics.failed.inc()
  const letter = await readDatabase(loadDeadLetter(pool, replay))
  if (letter?.state !== replayingState) return outcome(false)
  const kept = keptError(error)
  const fingerprint = fingerprintOf(letter.group, letter.type, DeadLetterReason.FAILED, kept)
  if (!(await readDatabase(failReplay(pool, replay, { error: kept, fingerprint })))) return outcome(false)
  return create(AckOutcomeSchema, { outcome: { case: 'deadLetter', value: { deadLetterId: `${replay.id}` } } })
}

function outcome(isNoted: boolean): AckOutcome {
  return create(AckOutcomeSchema, { outcome: { case: isNoted ? 'noted' : 'stale', value: {} } })
}
