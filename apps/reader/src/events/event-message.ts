import { create } from '@bufbuild/protobuf'
import { EventSchema, type Event } from '@qcore/contracts'
import type { EventRow } from '@qcore/database'
import { timestampFromMicros } from '@qcore/model'

/** An event from its row. */
export function eventMessage(row: EventRow): Event {
  const { revision, index, emittedUs, namespace, type, payload, producer, correlationId, writer } = row
  const emitTime = timestampFromMicros(emittedUs)
  return create(EventSchema, {
    id: `${revision}.${index}`,
    namespace,
    type,
    payload,
    emitTime,
    producer,
    correlationId,
    writer,
  })
}
