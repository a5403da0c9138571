import type { PendingCommit } from './pending-commit.ts'

/**
 * Whether a commit only creates entities and writes fields. What it needs is then among the entities that it names, and
 * what it changes can be taken into the working set before PostgreSQL has it.
 */
export function isPlain({ request }: PendingCommit): boolean {
  return request.mutations.every(({ kind }) => kind.case === 'writeField' || kind.case === 'createEntity')
}
