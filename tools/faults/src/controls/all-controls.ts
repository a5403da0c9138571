import { cacheByMessages } from './cache-by-messages.ts'
import type { Control } from './control.ts'
import { outboxBySequence } from './outbox-by-sequence.ts'
import { relayByFlag } from './relay-by-flag.ts'
import { retryWithoutKey } from './retry-without-key.ts'
import { unfencedWriter } from './unfenced-writer.ts'
import { unsyncedCommit } from './unsynced-commit.ts'

/** In the order of the table. */
export const allControls: readonly Control[] = [
  unfencedWriter,
  relayByFlag,
  unsyncedCommit,
  outboxBySequence,
  retryWithoutKey,
  cacheByMessages,
]
