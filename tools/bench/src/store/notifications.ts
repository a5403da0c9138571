import { int } from '@qcore/client'
import type { Comparison, Sample } from '../measure/comparison.ts'
import { inTurn, type InTurnOptions } from '../measure/in-turn.ts'
import { measureJetStreamDelivery, measureRawPublish } from '../raw/raw-nats.ts'
import type { BenchContext } from './bench-context.ts'

/** Bytes of a batch of the log with one change. */
const logBatchBytes = 250
/** Bytes of a notification. */
const notificationBytes = 150
const subscriptions = 1_000

/** From a write to the callback of a subscriber, and one change to many subscriptions. */
export function notificationComparisons(bench: BenchContext): Comparison[] {
  const { durationMs, warmUpMs, postgres, system } = bench
  const deliveries = Math.round(durationMs / 4)
  return [
    {
      name: 'write to callback, p50',
      unit: 'µs',
      limitName: 'one-row commit p50 + JetStream publish to consumer p50',
      target: { relation: '≤', ratio: 3 },
      limit: async () => ({
        value:
          (await postgres.measureCommits(1, { concurrency: 1, durationMs, warmUpMs })).p50Us +
          (await measureJetStreamDelivery(system.natsUrl, { bytes: logBatchBytes, count: deliveries })),
      }),
      qcore: () => measureCallback(bench, { count: deliveries, warmUpMs }),
    },
    {
      name: `1 change to ${subscriptions} subscriptions, deliveries`,
      unit: '1/s',
      limitName: 'NATS publish to one subscriber',
      target: { relation: '≥', ratio: 0.25 },
      limit: async () => ({
        value: await measureRawPublish(system.natsUrl, { bytes: notificationBytes, count: durationMs * 200 }),
      }),
      qcore: () => measureFanOut(bench, deliveries),
    },
  ]
}

/** Microseconds from the call of `write` to the callback, one at a time. */
async function measureCallback({ q, ids }: BenchContext, options: InTurnOptions): Promise<Sample> {
  const entity = ids[0] ?? ''
  let called: () => void = () => {}
  const subscription = await q.notify({ entity, fields: ['Value'], trigger: 'write' }, () => called())
  let value = 0
  const once = async (): Promise<number> => {
    const arrived = new Promise<void>((resolve) => {
      called = resolve
    })
    const writtenAt = performance.now()
    const written = q.write(entity, 'Value', int(++value))
    await arrived
    const tookUs = (performance.now() - writtenAt) * 1_000
    await written
    return tookUs
  }
  const sample = await inTurn(once, options)
  await subscription.unsubscribe()
  return sample
}

/** Callbacks a second when every change of one field is for many subscriptions of a client. */
async function measureFanOut({ q, ids }: BenchContext, changes: number): Promise<Sample> {
  const entity = ids[1] ?? ''
  let calls = 0
  let done: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    done = resolve
  })
  const onChange = (): void => {
    if (++calls === changes * subscriptions) done()
  }
  const opened = await Promise.all(
    Array.from({ length: subscriptions }, () => q.notify({ entity, fields: ['Value'], trigger: 'write' }, onChange)),
  )
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: changes }, (_, write) => q.write(entity, 'Value', int(write))))
  await all
  const perSecond = calls / ((performance.now() - startedAt) / 1_000)
  await Promise.all(opened.map((subscription) => subscription.unsubscribe()))
  return { value: perSecond }
}
