import { fork } from 'node:child_process'
import { once } from 'node:events'
import { create, toBinary } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { connect } from '@nats-io/transport-node'
import { ReadFieldsRequestSchema, ReadService } from '@qcore/contracts'
import { createNatsTransport } from '../src/index.ts'

/**
 * Calls through the transport against plain requests with the same payloads, in turns. Needs the address of a NATS:
 * `node bench/unary.ts 127.0.0.1:4222`.
 */
const [servers = '127.0.0.1:4222', roundCount = '8'] = process.argv.slice(2)
const roundMs = 500

const connection = await connect({ servers, noAsyncTraces: true })
const answering = fork(new URL('answering-process.ts', import.meta.url), [servers])
await once(answering, 'message')

const request = create(ReadFieldsRequestSchema, { reads: [{ entityId: 'entity-0000000001', path: 'Status' }] })
const rawRequest = toBinary(ReadFieldsRequestSchema, request)
const client = createClient(ReadService, createNatsTransport({ connection, store: 'bench' }))
const raw = (): Promise<unknown> => connection.request('raw', rawRequest, { timeout: 5_000 })
const call = (): Promise<unknown> => client.readFields(request)

/** Calls for a while, so many at a time: calls per second and the median of one, milliseconds. */
async function measure(action: () => Promise<unknown>, inFlight: number): Promise<{ perSecond: number; p50: number }> {
  const times: number[] = []
  const startedAt = performance.now()
  const worker = async (): Promise<void> => {
    for (let now = performance.now(); now - startedAt < roundMs;) {
      await action()
      const doneAt = performance.now()
      times.push(doneAt - now)
      now = doneAt
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return { perSecond: (times.length / (performance.now() - startedAt)) * 1_000, p50: median(times) }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

for (const inFlight of [1, 64]) {
  const rounds: { raw: { perSecond: number; p50: number }; call: { perSecond: number; p50: number } }[] = []
  await measure(raw, inFlight)
  await measure(call, inFlight)
  for (let round = 0; round < Number(roundCount); round += 1) {
    rounds.push({ raw: await measure(raw, inFlight), call: await measure(call, inFlight) })
  }
  const rawP50 = median(rounds.map((round) => round.raw.p50))
  const callP50 = median(rounds.map((round) => round.call.p50))
  const rawRate = median(rounds.map((round) => round.raw.perSecond))
  const callRate = median(rounds.map((round) => round.call.perSecond))
  const line = [
    `${inFlight} in flight`,
    `p50 raw ${(rawP50 * 1_000).toFixed(0)} µs, call ${(callP50 * 1_000).toFixed(0)} µs (${(callP50 / rawP50).toFixed(2)} x)`,
    `per second raw ${rawRate.toFixed(0)}, call ${callRate.toFixed(0)} (${(callRate / rawRate).toFixed(2)} x)`,
  ]
  process.stdout.write(`${line.join(' · ')}\n`)
}
answering.disconnect()
await connection.close()
