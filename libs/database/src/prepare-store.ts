import { setTimeout as delay } from 'node:timers/promises'
import { QError } from '@qcore/errors'
import { migrateStore } from './migrate.ts'
import type { DatabaseOptions } from './pool.ts'

/** PostgreSQL may be starting; how long to wait for it, and between attempts. */
const startTimeoutMs = 30_000
const startRetryMs = 250

/**
 * Waits until PostgreSQL can be reached, and creates or updates the schema of a store. Whichever service is first does it.
 *
 * @param onWait told once, when the first attempt fails
 * @throws QError `unavailable`
 */
export async function prepareStore(options: DatabaseOptions, onWait: (error: unknown) => void): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  for (let attempt = 1; ; attempt++) {
    try {
      await migrateStore(options)
      return
    } catch (error) {
      if (performance.now() >= deadline) {
        throw new QError('unavailable', 'cannot reach PostgreSQL, or prepare the store in it', { cause: error })
      }
      if (attempt === 1) onWait(error)
      await delay(startRetryMs)
    }
  }
}
