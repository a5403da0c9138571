import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  BackPressure,
  ReceiveResponseSchema,
  type Delivery,
  type ReceiveRequest,
  type ReceiveResponse,
} from '@qcore/contracts'
import { callerOf } from '@qcore/access'
import { readDatabase, readHead } from '@qcore/database'
import type { NotifierContext } from '../context.ts'
import { deliveryOf, endDelivery } from '../registration/delivery/delivery-message.ts'
import { losslessSteps } from '../registration/delivery/delivery-step.ts'
import { latestSteps } from '../registration/delivery/latest-steps.ts'
import type { Receiver } from '../registration/receivers.ts'
import { endMessage } from '../registration/registration-message.ts'
import { grantsOfRow, requestOf } from '../registration/registration.ts'
import { receivable } from '../registration/receivable.ts'
import type { RegistrationRow } from '../registration/sql/registration-row.ts'
import { checkedResumePoint } from '../start/resume-point.ts'
import { followStream } from '../stream/follow-stream.ts'
import type { StreamEnd } from '../stream/stream-end.ts'
import { WatchStream } from '../stream/watch-stream.ts'
import { receiveAsInstance } from './receive-as-instance.ts'

/** Serves one call of Receive: what the registration selects, after a revision; last, that it has ended. */
export async function* receive(
  request: ReceiveRequest,
  call: HandlerContext,
  context: NotifierContext,
): AsyncGenerator<ReceiveResponse> {
  const row = await receivable(context.pool, request.token, callerOf(call))
  if (request.asInstance) {
    yield* receiveAsInstance(row, call, context)
    return
  }
  const { live, receivers } = context
  const stream = new WatchStream(requestOf(row).subscriptions, context.queueLimits, grantsOfRow(row))
  stream.entityTypes = new Map(Object.entries(row.entityTypes))
  const end = (reason: StreamEnd): void => stream.end(reason)
  const cancel = (): void => end({ code: 'canceled', message: 'the caller ended the call' })
  const receiver: Receiver = { row, end }
  if (call.signal.aborted) cancel()
  call.signal.addEventListener('abort', cancel)
  live.open(stream)
  receivers.add(receiver)
  try {
    for await (const delivery of deliveriesOf(stream, row, request, context)) {
      yield create(ReceiveResponseSchema, { delivery })
    }
  } catch (error) {
    const last = receiver.ended === undefined ? undefined : endMessage(receiver.ended)
    if (last === undefined) throw error
    yield create(ReceiveResponseSchema, { delivery: endDelivery(last, row) })
  } finally {
    call.signal.removeEventListener('abort', cancel)
    receivers.delete(receiver)
    live.close(stream)
  }
}

async function* deliveriesOf(
  stream: WatchStream,
  row: RegistrationRow,
  { resumeAfter = BigInt(row.deliveredRevision), logId }: ReceiveRequest,
  context: NotifierContext,
): AsyncGenerator<Delivery> {
  const { feed, pool } = context
  const from = { resumeAfter, logId: logId === '' ? row.logId : logId }
  const after = checkedResumePoint(from, await readDatabase(readHead(pool)))
  if (feed.logId !== row.logId) await readDatabase(feed.catchUp())
  const responses = followStream(stream, after, context)
  const isLatest = requestOf(row).backPressure === BackPressure.LATEST
  const stop = (): void => stream.end({ code: 'canceled', message: 'the call is over' })
  const steps = isLatest ? latestSteps(responses, stop) : losslessSteps(responses)
  for await (const step of steps) yield deliveryOf(step, row)
}
