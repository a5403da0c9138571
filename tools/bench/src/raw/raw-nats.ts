import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { closedLoop, quantile, type LoopOptions, type LoopResult } from '../measure/closed-loop.ts'

/** Connects to the NATS server of an address with credentials in it. */
export function connectRaw(address: string): Promise<NatsConnection> {
  const url = new URL(address)
  return connect({
    servers: url.host,
    noAsyncTraces: true,
    ...(url.password !== ''
      ? { user: url.username, pass: url.password }
      : url.username !== ''
        ? { token: url.username }
        : {}),
  })
}

/** NATS request/reply between two processes. */
export interface RawRequests extends AsyncDisposable {
  measure(options: LoopOptions): Promise<LoopResult>
}

/** Starts a responder in a process of its own; requests and replies have the given sizes in bytes. */
export async function startRawRequests(
  address: string,
  { requestBytes, replyBytes }: { requestBytes: number; replyBytes: number },
): Promise<RawRequests> {
  const subject = `bench.request.${process.pid}.${requestBytes}.${replyBytes}`
  const program = fileURLToPath(new URL('nats-responder.ts', import.meta.url))
  const responder = spawn(process.execPath, [program, address, subject, String(replyBytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(responder.stdout, 'data')
  const connection = await connectRaw(address)
  const payload = new Uint8Array(requestBytes)
  return {
    measure: (options) => closedLoop(() => connection.request(subject, payload, { timeout: 10_000 }), options),
    async [Symbol.asyncDispose]() {
      await connection.close()
      responder.kill('SIGTERM')
      await once(responder, 'exit')
    },
  }
}

/** Messages of a size that one subscriber gets a second, from another connection of this process. */
export async function measureRawPublish(
  address: string,
  { bytes, count }: { bytes: number; count: number },
): Promise<number> {
  const publisher = await connectRaw(address)
  const subscriber = await connectRaw(address)
  try {
    const subject = `bench.publish.${process.pid}`
    const done = new Promise<void>((resolve) => {
      let received = 0
      subscriber.subscribe(subject, {
        callback: () => {
          if (++received === count) resolve()
        },
      })
    })
    await subscriber.flush()
    const payload = new Uint8Array(bytes)
    const startedAt = performance.now()
    for (let sent = 0; sent < count; sent++) {
      publisher.publish(subject, payload)
      if (sent % 1_000 === 999) await publisher.flush()
    }
    await done
    return count / ((performance.now() - startedAt) / 1_000)
  } finally {
    await publisher.close()
    await subscriber.close()
  }
}

/** Microseconds from a JetStream publish to a consumer's message, one at a time; file storage. */
export async function measureJetStreamDelivery(
  address: string,
  { bytes, count }: { bytes: number; count: number },
): Promise<number> {
  const connection = await connectRaw(address)
  try {
    const name = `BENCH_${process.pid}`
    const subject = `bench.stream.${process.pid}`
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name, subjects: [subject], storage: 'file' })
    await manager.consumers.add(name, { durable_name: name, ack_policy: AckPolicy.None })
    const client = jetstream(connection)
    const consumer = await client.consumers.get(name, name)
    let arrived: () => void = () => {}
    const messages = await consumer.consume({ callback: () => arrived() })
    const payload = new Uint8Array(bytes)
    const times: number[] = []
    for (let sent = 0; sent < count; sent++) {
      const delivered = new Promise<void>((resolve) => {
        arrived = resolve
      })
      const sentAt = performance.now()
      const stored = client.publish(subject, payload)
      await delivered
      times.push((performance.now() - sentAt) * 1_000)
      await stored
    }
    await messages.close()
    await manager.streams.delete(name)
    return quantile(times.slice(Math.floor(count / 10)), 0.5)
  } finally {
    await connection.close()
  }
}

/** Messages of a stream that one consumer gets and acknowledges a second, one acknowledgement each; file storage. */
export async function measureJetStreamAcks(
  address: string,
  { bytes, count }: { bytes: number; count: number },
): Promise<number> {
  const connection = await connectRaw(address)
  try {
    const name = `BENCH_ACK_${process.pid}`
    const subject = `bench.acked.${process.pid}`
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name, subjects: [subject], storage: 'file' })
    await manager.consumers.add(name, { durable_name: name, ack_policy: AckPolicy.Explicit, max_ack_pending: count })
    const client = jetstream(connection)
    const payload = new Uint8Array(bytes)
    for (let sent = 0; sent < count; sent += publishedTogether) {
      const batch = Array.from({ length: Math.min(publishedTogether, count - sent) }, () =>
        client.publish(subject, payload),
      )
      await Promise.all(batch)
    }
    const consumer = await client.consumers.get(name, name)
    const done = Promise.withResolvers<void>()
    let [handled, firstAt] = [0, 0]
    const messages = await consumer.consume({
      max_messages: 2_000,
      callback: (message) => {
        message.ack()
        handled += 1
        if (handled === 1) firstAt = performance.now()
        if (handled === count) done.resolve()
      },
    })
    await done.promise
    await connection.flush()
    const perSecond = (count - 1) / ((performance.now() - firstAt) / 1_000)
    await messages.close()
    await manager.streams.delete(name)
    return perSecond
  } finally {
    await connection.close()
  }
}

const publishedTogether = 1_000
