import { create } from '@bufbuild/protobuf'
import type { QError } from '@qcore/errors'
import { passGates } from './call-gate.ts'
import { toConnectError } from './connect-error.ts'
import { failureOf, type CallTask } from './handle-unary.ts'
import { invokeStream, type StreamSpec } from './invoke-stream.ts'
import { readStreamLimits } from './stream-limits.ts'
import type { StreamSender } from './stream-sender.ts'
import type { StreamTable } from './stream-table.ts'

/** Runs the handler and sends what it yields. Rejects if the call cannot even begin (`invalid_request`). */
export async function handleStream(task: CallTask, spec: StreamSpec, streams: StreamTable): Promise<void> {
  const { call } = task
  const { context, endpoint } = call
  const { id, sender } = streams.open(call, readStreamLimits(context.requestHeader))
  call.onAbort = (reason) => {
    streams.close(id)
    endAborted(task, sender, reason)
  }
  try {
    await sendAll(task, spec, sender)
    sender.end(undefined, context.responseTrailer)
  } catch (error) {
    const failure = failureOf(task, error)
    if (!sender.isClosed) endpoint.stats.countError(failure.rawMessage)
    sender.end(failure, context.responseTrailer)
  } finally {
    streams.close(id)
    endpoint.stats.count(call.elapsedMs)
  }
}

async function sendAll(
  { call, codec, request, gates }: CallTask,
  spec: StreamSpec,
  sender: StreamSender,
): Promise<void> {
  await passGates(gates, call.context, request)
  for await (const message of invokeStream(call.endpoint, spec, request, call.context)) {
    if (sender.isClosed) return
    sender.send(codec.encode(spec.method.output, create(spec.method.output, message)))
    if (sender.isFull) await sender.waitForRoom()
    if (sender.isClosed) return
  }
}

/** Whoever canceled, or is gone, does not listen; everybody else learns the reason. */
function endAborted({ call }: CallTask, sender: StreamSender, reason: QError): void {
  if (reason.code === 'canceled') {
    sender.close()
    return
  }
  const failure = toConnectError(reason)
  call.endpoint.stats.countError(failure.rawMessage)
  sender.end(failure, call.context.responseTrailer)
}
