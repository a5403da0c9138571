import { fromBinary } from '@bufbuild/protobuf'
import { jetstreamManager, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { LogBatchSchema, logStreamName, logSubject } from '@qcore/contracts'
import { ensureStream } from './ensure-stream.ts'

const apiTimeoutMs = 3_000

/** Where the stream stands. */
export interface StreamPosition {
  /** The sequence of its last message, whatever became of the message. */
  readonly sequence: number
  /** What the last message is; undefined if there is none. */
  readonly last: { readonly logId: string; readonly revision: number } | undefined
}

/** The JetStream stream of a store's log. */
export class LogStream {
  readonly #manager: JetStreamManager
  readonly #store: string
  readonly #maxAgeMs: number

  /** Throws if the server has no JetStream. */
  static async open(connection: NatsConnection, store: string, maxAgeMs: number): Promise<LogStream> {
    return new LogStream(await jetstreamManager(connection, { timeout: apiTimeoutMs }), store, maxAgeMs)
  }

  private constructor(manager: JetStreamManager, store: string, maxAgeMs: number) {
    this.#manager = manager
    this.#store = store
    this.#maxAgeMs = maxAgeMs
  }

  /** Where it stands. Creates it if it is missing, and changes it if it is not as it should be. */
  async position(): Promise<StreamPosition> {
    const { state } = await this.#ensure()
    if (state.messages === 0) return { sequence: state.last_seq, last: undefined }
    const message = await this.#manager.streams.getMessage(logStreamName(this.#store), { seq: state.last_seq })
    if (message === null) return { sequence: state.last_seq, last: undefined }
    const { logId, lastRevision } = fromBinary(LogBatchSchema, message.data)
    return { sequence: state.last_seq, last: { logId, revision: Number(lastRevision) } }
  }

  /** Empties it, and begins to count anew. Its consumers go with it. */
  async recreate(): Promise<StreamPosition> {
    await this.#manager.streams.delete(logStreamName(this.#store))
    return this.position()
  }

  #ensure(): Promise<StreamInfo> {
    const [name, subject] = [logStreamName(this.#store), logSubject(this.#store)]
    return ensureStream(this.#manager, { name, subject, maxAgeMs: this.#maxAgeMs })
  }
}
