import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { DeliveryMode, DeliverySchema, ReceiveResponseSchema, type ReceiveResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { NotifierContext } from '../context.ts'
import { endDelivery } from '../registration/delivery/delivery-message.ts'
import { InstanceQueue } from '../registration/instance-queue.ts'
import type { Receiver } from '../registration/receivers.ts'
import { endMessage } from '../registration/registration-message.ts'
import { requestOf } from '../registration/registration.ts'
import type { RegistrationRow } from '../registration/sql/registration-row.ts'
import { streamEndError, type StreamEnd } from '../stream/stream-end.ts'

/** Serves a call of Receive that takes part in shared delivery, for a caller that NATS does not reach. */
export async function* receiveAsInstance(
  row: RegistrationRow,
  call: HandlerContext,
  { connection, config, receivers }: NotifierContext,
): AsyncGenerator<ReceiveResponse> {
  if (requestOf(row).delivery !== DeliveryMode.SHARED) {
    throw new QError('invalid_request', 'the registration is not shared', { field: 'as_instance' })
  }
  const { token, service } = row
  using queue = new InstanceQueue(connection, { store: config.store, token, service })
  let reason: StreamEnd | undefined
  const end = (given: StreamEnd): void => {
    reason ??= given
    queue.end()
  }
  const cancel = (): void => end({ code: 'canceled', message: 'the caller ended the call' })
  const receiver: Receiver = { row, end }
  call.signal.addEventListener('abort', cancel)
  if (call.signal.aborted) cancel()
  receivers.add(receiver)
  try {
    yield create(ReceiveResponseSchema, { delivery: liveDelivery(row) })
    for (let delivery = await queue.take(); delivery !== undefined; delivery = await queue.take()) {
      yield create(ReceiveResponseSchema, { delivery })
      if (delivery.event.case === 'ended') return
    }
    const last = receiver.ended === undefined ? undefined : endMessage(receiver.ended)
    if (last === undefined) throw streamEndError(reason ?? stopping, row.deliveredRevision)
    yield create(ReceiveResponseSchema, { delivery: endDelivery(last, row) })
  } finally {
    call.signal.removeEventListener('abort', cancel)
    receivers.delete(receiver)
  }
}

const stopping: StreamEnd = { code: 'unavailable', message: 'this notifier stops; go to another' }

function liveDelivery({ token, deliveredRevision, logId, epoch }: RegistrationRow) {
  const revision = BigInt(deliveredRevision)
  return create(DeliverySchema, {
    id: `${token}.live`,
    revision,
    previousRevision: revision,
    logId,
    epoch: BigInt(epoch),
    event: { case: 'live', value: { revision, logId } },
  })
}
