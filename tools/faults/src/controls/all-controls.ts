import { cacheByMessages } from './cache-by-messages.ts'
import { contextOfNow } from './context-of-now.ts'
import type { Control } from './control.ts'
import { handlerWithoutInbox } from './handler-without-inbox.ts'
import { emittedWithoutKey } from './emitted-without-key.ts'
import { idOfTheAttempt } from './id-of-the-attempt.ts'
import { notedAfterTheCall } from './noted-after-the-call.ts'
import { outboxBySequence } from './outbox-by-sequence.ts'
import { plannedFromNow } from './planned-from-now.ts'
import { relayByFlag } from './relay-by-flag.ts'
import { resumeFromNow } from './resume-from-now.ts'
import { retryWithoutKey } from './retry-without-key.ts'
import { takenBeforeDone } from './taken-before-done.ts'
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
  resumeFromNow,
  contextOfNow,
  takenBeforeDone,
  handlerWithoutInbox,
  plannedFromNow,
  idOfTheAttempt,
  notedAfterTheCall,
  emittedWithoutKey,
]
