import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { isQError, QError } from '@qcore/errors'

/** What a gate learns of a call: what the handler will, and the headers as they came. */
export interface GateContext extends HandlerContext {
  /** The first value of a header. The name is in lower case. Costs nothing, where `requestHeader` costs as much as a call. */
  receivedHeader(name: string): string | undefined
}

/**
 * Decides whether a call goes on, before interceptors and handler; what it throws, or rejects with, is the answer. Does
 * what an interceptor could do too, without the copies of request, answer and headers that interceptors are shown.
 */
export interface CallGate {
  (context: GateContext, message: MessageShape<DescMessage>): void | Promise<void>
  /** Asked about each stream again and again while it goes on; what it throws ends the stream. */
  recheck?(context: GateContext): void
}

/** Asks gates about a stream that goes on; what is wrong with it, if anything is. */
export function recheckGates(gates: readonly CallGate[], context: GateContext): QError | undefined {
  try {
    for (const gate of gates) gate.recheck?.(context)
    return undefined
  } catch (error) {
    return isQError(error) ? error : new QError('internal', 'a stream could not be checked', { cause: error })
  }
}

/** Asks gates in turn; a promise only if one of them needs time. */
export function passGates(
  gates: readonly CallGate[],
  context: GateContext,
  message: MessageShape<DescMessage>,
): void | Promise<void> {
  for (const [index, gate] of gates.entries()) {
    const passed = gate(context, message)
    if (passed !== undefined) return passed.then(() => passGates(gates.slice(index + 1), context, message))
  }
}
