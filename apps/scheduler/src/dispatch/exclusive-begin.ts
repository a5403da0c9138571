import { OverlapPolicy } from '@qcore/contracts'
import { transact, type Pool } from '@qcore/database'
import { beginAttempts, type AttemptToBegin, type BegunAttempt } from '../sql/begin-attempts.ts'
import { lockSchedule, readRivals, replaceRivals } from '../sql/rivals.ts'

/** What came of wanting to begin while others of the schedule may not be over. */
export type ExclusiveBegin =
  { readonly kind: 'begun'; readonly attempt: BegunAttempt | undefined } | { readonly kind: 'wait' | 'skip' }

export interface ExclusiveOptions {
  readonly pool: Pool
  readonly scheduler: string
  readonly leaseMs: number
}

/** Begins the first attempt of an occurrence, as the overlap policy of its schedule has it. One of a schedule at a time. */
export async function beginExclusively(
  { pool, scheduler, leaseMs }: ExclusiveOptions,
  attempt: AttemptToBegin,
  occurrence: { scheduleId: string; id: string; nominalUs: number; overlap: OverlapPolicy },
): Promise<ExclusiveBegin> {
  const connection = await pool.connect()
  let failure: Error | undefined
  try {
    return await transact(connection, async () => {
      const { scheduleId, id, overlap } = occurrence
      await lockSchedule(connection, scheduleId)
      const { hasBegun, waiting } = await readRivals(connection, occurrence)
      if (hasBegun && overlap === OverlapPolicy.SKIP) return { kind: 'skip' }
      if (hasBegun && overlap === OverlapPolicy.BUFFER_ONE) return { kind: waiting > 0 ? 'skip' : 'wait' }
      if ((hasBegun || waiting > 0) && overlap === OverlapPolicy.BUFFER_ALL) return { kind: 'wait' }
      const [begun] = await beginAttempts(connection, scheduler, { attempts: [attempt], leaseMs })
      if (begun !== undefined && hasBegun && overlap === OverlapPolicy.CANCEL_OTHER) {
        await replaceRivals(connection, scheduleId, id)
      }
      return { kind: 'begun', attempt: begun }
    })
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    connection.release(failure)
  }
}
