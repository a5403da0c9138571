import { randomUUID } from 'node:crypto'
import { OverlapPolicy } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { ExclusiveBeginner, type ExclusiveBegin } from '../src/dispatch/exclusive-begin.ts'
import { claimOccurrences } from '../src/sql/claim-occurrences.ts'
import { addDue } from './_due.ts'
import { startStore, type TestStore } from './_store.ts'

const leaseMs = 30_000

/** Has two schedulers begin what is due, one after the other in turns, before anything else is stored. */
async function beginInTurns(
  store: TestStore,
  overlap: OverlapPolicy,
  count: number,
): Promise<ExclusiveBegin['kind'][]> {
  const id = await store.put({ rule: '0 0 1 1 *', overlap })
  await addDue(store, id, count)
  const { pool } = store
  const claim = randomUUID()
  const claimed = await claimOccurrences(pool, { claim, scheduler: 'one', leaseMs, limit: count })
  const beginners = ['one', 'other'].map((scheduler) => new ExclusiveBeginner({ pool, scheduler, leaseMs }))
  const kinds: ExclusiveBegin['kind'][] = []
  for (const { id: occurrenceId, nominalUs, revision, cause } of claimed.toSorted(
    (a, b) => b.nominalUs - a.nominalUs,
  )) {
    const attempt = { occurrenceId, claim, revision, cause, needsActive: true }
    const beginner = beginners[kinds.length % beginners.length]
    const begin = await beginner?.begin(id, { attempt, nominalUs, overlap, isWaiting: false })
    if (begin !== undefined) kinds.push(begin.kind)
  }
  return kinds
}

it.each<[string, OverlapPolicy, ExclusiveBegin['kind'][]]>([
  ['one', OverlapPolicy.BUFFER_ONE, ['begun', 'waits', 'skip', 'skip']],
  ['all', OverlapPolicy.BUFFER_ALL, ['begun', 'waits', 'waits', 'waits']],
])(
  'who waits has his place at once, before all schedulers, whatever his time, if %s may wait',
  async (_, overlap, kinds) => {
    await using store = await startStore()
    expect(await beginInTurns(store, overlap, kinds.length)).toEqual(kinds)
    const text = `select from occurrence where reason = 'overlap' and state = 1 and claim is null`
    expect((await store.pool.query(text)).rowCount).toBe(kinds.filter((kind) => kind === 'waits').length)
  },
)
