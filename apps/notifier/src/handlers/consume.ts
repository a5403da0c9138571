import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, requireLevel, requireNamespace } from '@qcore/access'
import { AccessLevel, ConsumeResponseSchema, type ConsumeRequest, type ConsumeResponse } from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { openSubscriptions } from '../delivery/open-subscriptions.ts'
import { renewOwnNode } from '../node/own-node.ts'

/** Sends a node the events of its subscriptions, until either side ends it. */
export async function* consume(
  request: ConsumeRequest,
  call: HandlerContext,
  { eventPool, nodeStreams, consumers, logger }: NotifierContext,
): AsyncGenerator<ConsumeResponse> {
  requireLevel(callerOf(call), AccessLevel.WRITE)
  requireNamespace(callerOf(call), request.namespace, 'namespace')
  await renewOwnNode(eventPool, request)
  const { rows, replaced } = await openSubscriptions(eventPool, request)
  for (const row of replaced) {
    consumers
      .delete(row)
      .catch((error: unknown) =>
        logger.warn({ err: error, subscription: row.id }, 'cannot delete the consumer of a subscription'),
      )
  }
  // A node that has given up has another stream by now, which this one would end.
  call.signal.throwIfAborted()
  const stream = await nodeStreams.open(request, rows)
  const end = (): void => stream.end()
  call.signal.addEventListener('abort', end)
  if (call.signal.aborted) end()
  try {
    const ackMs = rows.map((row) => row.ackMs)
    yield create(ConsumeResponseSchema, { kind: { case: 'started', value: { ackMs } } })
    for (let deliveries = await stream.take(); deliveries !== undefined; deliveries = await stream.take()) {
      yield create(ConsumeResponseSchema, { kind: { case: 'deliveries', value: { deliveries } } })
    }
  } finally {
    call.signal.removeEventListener('abort', end)
    nodeStreams.close(stream)
  }
}
