import { JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'

/** JetStream's code for a stream that does not exist. */
const streamNotFound = 10_059

/** What a stream is to be like. */
export interface WantedStream {
  readonly name: string
  readonly subject: string
  readonly maxAgeMs: number
}

/** Creates a stream if it is missing, and changes it if it is not as it should be. */
export async function ensureStream(manager: JetStreamManager, stream: WantedStream): Promise<StreamInfo> {
  const { name, subject, maxAgeMs } = stream
  const wanted = { subjects: [subject], max_age: nanos(maxAgeMs) }
  try {
    const info = await manager.streams.info(name)
    const { subjects, max_age: maxAge } = info.config
    if (maxAge === wanted.max_age && subjects.join() === wanted.subjects.join()) return info
    return await manager.streams.update(name, { ...info.config, ...wanted })
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== streamNotFound) throw error
    return manager.streams.add({ name, storage: 'file', retention: 'limits', discard: 'old', ...wanted })
  }
}
