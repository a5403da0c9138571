import { commit } from '@qcore/client'
import type { Comparison, Sample } from '../measure/comparison.ts'
import { measureJetStreamAcks } from '../raw/raw-nats.ts'
import { makeGroup, startNode } from './event-node.ts'
import { benchNamespace, type EventsBench } from './events-context.ts'

/** Bytes of the message of an event, headers included. */
const messageBytes = 450
const perCommit = 1_000
const type = 'bench.handled'

/** Events that wait, handled by a node whose handler does nothing, against messages of a stream that are acknowledged one by one. */
export function handledComparison(bench: EventsBench): Comparison {
  const count = bench.durationMs < 1_000 ? 2_000 : 20_000
  let group = 0
  return {
    name: 'events handled by one node, handler that does nothing',
    unit: '1/s',
    limitName: 'JetStream pull with an acknowledgement of each message',
    target: { relation: '≥', ratio: 0.25 },
    limit: async () => ({
      value: await measureJetStreamAcks(bench.system.natsUrl, { bytes: messageBytes, count }),
    }),
    qcore: () => measureHandled(bench, `handled-${++group}`, count),
  }
}

async function measureHandled(bench: EventsBench, group: string, count: number): Promise<Sample> {
  // Before the events are there.
  await makeGroup(bench, { group, type })
  for (let emitted = 0; emitted < count; emitted += perCommit) {
    let builder = commit()
    for (let n = 0; n < perCommit; n++) builder = builder.emit(benchNamespace, type, { number: n, name: 'seven' })
    await bench.q.commit(builder)
  }
  const done = Promise.withResolvers<void>()
  let handled = 0
  let firstAt = 0
  const handler = (): void => {
    handled += 1
    if (handled === 1) firstAt = performance.now()
    if (handled === count) done.resolve()
  }
  await using started = await startNode(bench, { group, type, handler })
  await Promise.race([done.promise, started.node.closed])
  const perSecond = (count - 1) / ((performance.now() - firstAt) / 1_000)
  await started.node.stop()
  return { value: perSecond }
}
