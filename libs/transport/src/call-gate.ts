import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'

/** What a gate learns of a call: what the handler will, and the headers as they came. */
export interface GateContext extends HandlerContext {
  /** The first value of a header. The name is in lower case. Costs nothing, where `requestHeader` costs as much as a call. */
  receivedHeader(name: string): string | undefined
}

/**
 * Decides whether a call goes on, before interceptors and handler; what it throws, or rejects with, is the answer. Does
 * what an interceptor could do too, without the copies of request, answer and headers that interceptors are shown.
 */
export type CallGate = (context: GateContext, message: MessageShape<DescMessage>) => void | Promise<void>

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
