import { loadEventKeys as loadKeys, type EventKeyRow, type Executor } from '@qcore/database'
import type { PendingCommit } from '../commit/pending-commit.ts'

/** Looks up the keys that commits want to emit events with. */
export async function loadEventKeys(executor: Executor, commits: readonly PendingCommit[]): Promise<EventKeyRow[]> {
  const namespaces: string[] = []
  const keys: string[] = []
  for (const { request } of commits) {
    for (const { kind } of request.mutations) {
      if (kind.case !== 'emitEvent' || kind.value.dedupeKey === '') continue
      namespaces.push(kind.value.namespace)
      keys.push(kind.value.dedupeKey)
    }
  }
  return keys.length === 0 ? [] : loadKeys(executor, namespaces, keys)
}
