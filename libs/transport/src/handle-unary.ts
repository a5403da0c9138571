import type { DescMessage, DescMethod, MessageShape } from '@bufbuild/protobuf'
import type { ConnectError, MethodImplSpec } from '@connectrpc/connect'
import type { NatsConnection } from '@nats-io/transport-node'
import { QError } from '@qcore/errors'
import { sendAnswer, sendError } from './answer.ts'
import { passGates, type CallGate } from './call-gate.ts'
import { toConnectError } from './connect-error.ts'
import { invokeUnary } from './invoke-unary.ts'
import type { MessageCodec } from './message-codec.ts'
import type { RunningCall } from './running-call.ts'

/** A call, and what is needed to handle it. */
export interface CallTask {
  connection: NatsConnection
  call: RunningCall
  codec: MessageCodec
  request: MessageShape<DescMessage>
  gates: readonly CallGate[]
  onError: ((error: unknown, method: DescMethod) => void) | undefined
}

/** Runs the handler and answers. Never rejects. */
export async function handleUnary(task: CallTask, spec: Extract<MethodImplSpec, { kind: 'unary' }>): Promise<void> {
  const { connection, call, codec } = task
  const { stats } = call.endpoint
  call.onAbort = (reason) => answerAborted(task, reason)
  try {
    const passed = passGates(task.gates, call.context, task.request)
    if (passed !== undefined) await passed
    const message = await invokeUnary(call.endpoint, spec, task.request, call.context)
    if (!call.isAborted) sendAnswer(connection, call, codec, message)
  } catch (error) {
    const failure = failureOf(task, error)
    if (!call.isAborted) {
      stats.countError(failure.rawMessage)
      sendError(connection, call.replySubject, failure, call)
    }
  }
  stats.count(call.elapsedMs)
}

/** Whoever canceled does not wait; everybody else gets an answer now, whatever the handler still does. */
function answerAborted({ connection, call }: CallTask, reason: QError): void {
  const failure = toConnectError(reason)
  call.endpoint.stats.countError(failure.rawMessage)
  if (reason.code !== 'canceled') sendError(connection, call.replySubject, failure)
}

/** The error that the caller gets. Faults are reported; what a handler throws because it was aborted is none. */
export function failureOf({ call, onError }: CallTask, error: unknown): ConnectError {
  const failure = toConnectError(error)
  const isFault = failure.cause instanceof QError && failure.cause.code === 'internal' && failure.cause !== error
  if (isFault) onError?.(error, call.endpoint.method)
  return failure
}
