import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf } from '@qcore/access'
import {
  Acknowledgement,
  AcknowledgeResponseSchema,
  registrationAckSubject,
  type AcknowledgeRequest,
  type AcknowledgeResponse,
} from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { receivable } from '../registration/receivable.ts'

const replies: Readonly<Record<number, string>> = {
  [Acknowledgement.UNSPECIFIED]: '+ACK',
  [Acknowledgement.REFUSED]: '-NAK',
  [Acknowledgement.IN_PROGRESS]: '+WPI',
}

/** Replies to messages of a shared registration. */
export async function acknowledge(
  { token, ackIds, acknowledgement }: AcknowledgeRequest,
  call: HandlerContext,
  { pool, connection, config }: NotifierContext,
): Promise<AcknowledgeResponse> {
  await receivable(pool, token, callerOf(call))
  const reply = replies[acknowledgement] ?? ''
  for (const ackId of ackIds) connection.publish(registrationAckSubject(config.store, token, ackId), reply)
  return create(AcknowledgeResponseSchema)
}
