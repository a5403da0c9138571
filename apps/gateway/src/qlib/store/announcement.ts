import { commit, isQError, TypedValue, type CommitBuilder } from '@qcore/client'
import type { Store } from './store.ts'

/** The field of the root that is written when the tree or a type has changed: qlib's clients then read all of it again. */
export const schemaTrigger = 'SchemaUpdateTrigger'

/** Adds to a commit what tells qlib's clients that it changes the tree. Where the root lacks the field, nobody is told. */
export async function withAnnouncement({ client }: Store, changes: CommitBuilder): Promise<CommitBuilder> {
  try {
    const { id } = await client.root()
    const { type, value } = await client.read(id, schemaTrigger)
    // The value that it has: what counts is the write.
    return changes.write(id, schemaTrigger, new TypedValue(type, value))
  } catch (error) {
    if (isQError(error, 'unknown_field')) return changes
    throw error
  }
}

/** Tells qlib's clients that a type, or everything, has changed. */
export async function announce(store: Store): Promise<void> {
  const changes = await withAnnouncement(store, commit())
  if (changes.mutations.length > 0) await store.client.commit(changes)
}
