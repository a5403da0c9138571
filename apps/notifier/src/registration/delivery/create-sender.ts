import { DeliveryMode, registrationSubject, undeliveredSubject } from '@qcore/contracts'
import { maxAttemptsOf, requestOf } from '../registration.ts'
import type { RegistrationRow } from '../sql/registration-row.ts'
import type { AckInbox } from './ack-inbox.ts'
import { FanOutSender } from './fan-out-sender.ts'
import type { PublishGate } from './publish-gate.ts'
import type { Sender } from './sender.ts'
import { SharedSender } from './shared-sender.ts'

/** The sender that a registration asks for. */
export function createSender(
  row: RegistrationRow,
  epoch: number,
  { store, gate, inbox }: { store: string; gate: PublishGate; inbox: AckInbox },
): Sender {
  const { token, logId, deliveredRevision } = row
  const request = requestOf(row)
  const { delivery, bodyFormat, ackTimeoutMs, maxUnacknowledged } = request
  const options = {
    origin: { token, logId, epoch },
    subject: registrationSubject(store, token),
    format: bodyFormat,
    gate,
    revision: deliveredRevision,
  }
  if (delivery !== DeliveryMode.SHARED) return new FanOutSender(options)
  return new SharedSender({
    ...options,
    inbox,
    ackTimeoutMs,
    maxUnacknowledged,
    maxAttempts: maxAttemptsOf(request),
    undelivered: undeliveredSubject(store, token),
  })
}
