import { commit, int } from '@qcore/client'
import { closedLoop, type LoopOptions, type LoopResult } from '../measure/closed-loop.ts'
import type { Comparison, Sample } from '../measure/comparison.ts'
import { turns } from '../store/bench-context.ts'
import { benchNamespace, type EventsBench } from './events-context.ts'

const callers = 512
const perCommit = 100
const commitsInFlight = 4
/** What is emitted must be this part of what the writer writes in the same run. */
const wantedShare = 0.8
const payload = { number: 7, name: 'seven' }

/** Durable emits against durable writes of one field, in the same ways, in the same run. */
export function emitComparisons({ q, ids, durationMs, warmUpMs }: EventsBench): Comparison[] {
  const nextId = turns(ids)
  let value = 0
  const write = (): Promise<unknown> => q.write(nextId(), 'Value', int(++value))
  const writeMany = (): Promise<unknown> => {
    let builder = commit()
    for (let n = 0; n < perCommit; n++) builder = builder.write(nextId(), 'Value', int(++value))
    return q.commit(builder)
  }
  const emit = (): Promise<unknown> => q.emit(benchNamespace, 'bench.emitted', payload)
  const emitMany = (): Promise<unknown> => {
    let builder = commit()
    for (let n = 0; n < perCommit; n++) builder = builder.emit(benchNamespace, 'bench.emitted', payload)
    return q.commit(builder)
  }
  const row = (
    { name, concurrency, times = 1 }: { name: string; concurrency: number; times?: number },
    [limit, own]: [() => Promise<unknown>, () => Promise<unknown>],
  ): Comparison => ({
    name,
    unit: '1/s',
    limitName: 'durable writes of one field, in the same way',
    target: { relation: '≥', ratio: wantedShare },
    limit: () => rateOf(limit, { concurrency, durationMs, warmUpMs }, times),
    qcore: () => rateOf(own, { concurrency, durationMs, warmUpMs }, times),
  })
  return [
    row({ name: 'durable emit, 1 in flight', concurrency: 1 }, [write, emit]),
    row({ name: `durable emit, ${callers} in flight`, concurrency: callers }, [write, emit]),
    row({ name: `commits of ${perCommit} events, events`, concurrency: commitsInFlight, times: perCommit }, [
      writeMany,
      emitMany,
    ]),
  ]
}

async function rateOf(call: () => Promise<unknown>, options: LoopOptions, times: number): Promise<Sample> {
  const result: LoopResult = await closedLoop(call, options)
  return { ...result, value: result.perSecond * times }
}
