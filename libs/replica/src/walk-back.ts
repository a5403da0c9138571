import type { Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { PastEntity } from './past-entity.ts'
import { nextRecords, visitRecords } from './past-log.ts'
import { loadWrittenValues } from './written-values.ts'

/** Fields that were written more often since are looked for from the other end as well: their next change may be near. */
const stepsBackOnly = 8

/**
 * Takes entities back to what they held right after a revision; values may be absent.
 *
 * @throws QError `compacted`; `deadline_exceeded` when the signal fires
 */
export async function walkBack(
  entities: readonly PastEntity[],
  revision: number,
  { pool, signal }: { pool: Executor; signal: AbortSignal | undefined },
): Promise<void> {
  const isLater = (entity: PastEntity): boolean => entity.revisionsAfter(revision).length > 0
  let open = entities.filter(isLater)
  let scanned = revision
  for (let step = 0; open.length > 0; step++) {
    if (signal?.aborted === true) throw new QError('deadline_exceeded', 'no answer in time', { cause: signal.reason })
    await stepBack(pool, open, revision)
    open = open.filter(isLater)
    if (step < stepsBackOnly || open.length === 0) continue
    scanned = await scanForward(pool, open, { revision, scanned })
    open = open.filter(isLater)
  }
}

/** Takes every field that was written after the revision one write back. */
async function stepBack(pool: Executor, entities: readonly PastEntity[], revision: number): Promise<void> {
  const later = entities.flatMap((entity) => entity.revisionsAfter(revision).map((each) => ({ each, entity })))
  const byRevision = Map.groupBy(later, ({ each }) => each)
  await visitRecords(pool, byRevision.keys(), (record) => {
    const concerned = new Set(byRevision.get(record.revision)?.map(({ entity }) => entity))
    for (const entity of concerned) entity.stepBack(record)
  })
}

/** Looks at the next page of the log after what was scanned; gives the revision that it ends with. */
async function scanForward(
  pool: Executor,
  entities: readonly PastEntity[],
  { revision, scanned }: { revision: number; scanned: number },
): Promise<number> {
  const open = new Map(entities.map((entity) => [entity.id, entity]))
  let last = scanned
  for (const record of await nextRecords(pool, scanned)) {
    for (const change of record.changes) {
      if (change.kind === 'field_changed' || change.kind === 'entity_changed') {
        open.get(change.entityId)?.stepTo(change, { of: record.revision, revision })
      }
    }
    last = record.revision
  }
  return last
}

/** Fills in the values that large commits left out: the log has them at the revision that wrote them. */
export async function fillValues(pool: Executor, entities: readonly PastEntity[], revision: number): Promise<void> {
  const lacking = entities.flatMap((entity) => entity.lackingValues(revision).map((question) => ({ entity, question })))
  if (lacking.length === 0) return
  const values = await loadWrittenValues(
    pool,
    lacking.map(({ question }) => question),
  )
  for (const [index, { entity, question }] of lacking.entries()) entity.fillValue(question.field, values[index])
}
