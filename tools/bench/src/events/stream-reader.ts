import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { eventStreamName, eventSubject } from '@qcore/contracts'
import { connectRaw } from '../raw/raw-nats.ts'
import { benchNamespace } from './events-context.ts'

/** Gets the events of the namespace from their stream, from now on. */
export interface StreamReader extends AsyncDisposable {
  /** Called with the id of each event. */
  onEvent: (id: string) => void
}

/** Opens a consumer of the stream of events, as any program has one. */
export async function openStreamReader(natsUrl: string): Promise<StreamReader> {
  const connection = await connectRaw(natsUrl)
  const name = eventStreamName('main')
  const manager = await jetstreamManager(connection)
  const { name: consumerName } = await manager.consumers.add(name, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.New,
    filter_subject: eventSubject('main', benchNamespace, '>'),
    mem_storage: true,
  })
  const consumer = await jetstream(connection).consumers.get(name, consumerName)
  const reader: StreamReader = {
    onEvent: () => undefined,
    async [Symbol.asyncDispose]() {
      await messages.close()
      await connection.close()
    },
  }
  const messages = await consumer.consume({
    max_messages: 5_000,
    callback: (message) => reader.onEvent(message.headers?.get('ce-id') ?? ''),
  })
  return reader
}
