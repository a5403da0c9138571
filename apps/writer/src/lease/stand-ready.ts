import { listEventPartitions, listLogPartitions, loadTermStart, loadTypes } from '@qcore/database'
import type { WriterContext } from '../context.ts'

/**
 * Opens what the first commit of a term needs, and asks once what a term asks at its beginning: for a standby that did
 * neither, new connections and first plans would be most of a hand-over. Never rejects: what fails is done when it is needed.
 */
export async function standReady({ commitConnection, leasePool, pool, logger }: WriterContext): Promise<void> {
  try {
    await Promise.all([
      commitConnection.open(),
      loadTermStart(leasePool),
      listLogPartitions(pool),
      listEventPartitions(pool),
    ])
    await loadTypes(leasePool)
  } catch (error) {
    logger.debug({ err: error }, 'cannot stand ready')
  }
}
