import { headers, type MsgHdrs } from '@nats-io/transport-node'
import type { MessageBody } from './delivery-message.ts'

/** The headers of a message, as JetStream and the transport name them. */
export function headersOf({ id, contentType }: MessageBody): MsgHdrs {
  const names = headers()
  names.set('Nats-Msg-Id', id)
  names.set('Content-Type', contentType)
  return names
}
