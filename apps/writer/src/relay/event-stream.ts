import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { eventStreamName, eventSubject } from '@qcore/contracts'
import { eventFromHeaders, type EventFacts } from '@qcore/model'
import { ensureStream } from './ensure-stream.ts'

const apiTimeoutMs = 3_000
/** Messages of others at the end of the stream that are taken out in one go. */
const mostForeign = 100

/** Where the stream stands. */
export interface EventStreamEnd {
  /** The sequence of its last message, whatever became of the message. */
  readonly sequence: number
  /** The last event of the stream, without its payload; undefined if there is none. */
  readonly last: EventFacts | undefined
}

/** The JetStream stream of a store's events. */
export class EventStream {
  readonly #manager: JetStreamManager
  readonly #store: string
  readonly #maxAgeMs: number

  /** Throws if the server has no JetStream. */
  static async open(connection: NatsConnection, store: string, maxAgeMs: number): Promise<EventStream> {
    return new EventStream(await jetstreamManager(connection, { timeout: apiTimeoutMs }), store, maxAgeMs)
  }

  private constructor(manager: JetStreamManager, store: string, maxAgeMs: number) {
    this.#manager = manager
    this.#store = store
    this.#maxAgeMs = maxAgeMs
  }

  /** Where it stands. Creates it if it is missing, changes it if it is not as it should be, and takes out what is no event. */
  async end(): Promise<EventStreamEnd> {
    const [name, subject] = [eventStreamName(this.#store), eventSubject(this.#store, '*', '>')]
    const { state } = await ensureStream(this.#manager, { name, subject, maxAgeMs: this.#maxAgeMs })
    if (state.messages === 0) return { sequence: state.last_seq, last: undefined }
    for (let foreign = 0; foreign < mostForeign; foreign++) {
      const message = await this.#manager.streams.getMessage(name, { last_by_subj: subject })
      if (message === null) return { sequence: state.last_seq, last: undefined }
      const last = eventFromHeaders((header) => message.header.get(header), '')
      if (last !== undefined) return { sequence: Math.max(state.last_seq, message.seq), last }
      await this.#manager.streams.deleteMessage(name, message.seq)
    }
    throw new Error('the stream of events ends with messages that are no events')
  }

  /** Empties it, and begins to count anew. Its consumers go with it. */
  async recreate(): Promise<EventStreamEnd> {
    await this.#manager.streams.delete(eventStreamName(this.#store))
    return this.end()
  }
}
