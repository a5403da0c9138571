import type { HandlerContext } from '@connectrpc/connect'
import { receivedHeader } from '@qcore/transport'

/** Whether a call is answered in protobuf, so that parts of the answer may be encoded already. */
export function takesBinary(call: HandlerContext): boolean {
  return receivedHeader(call, 'content-type')?.startsWith('application/proto') ?? false
}
