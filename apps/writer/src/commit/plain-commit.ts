import type { Condition, Mutation } from '@qcore/contracts'
import type { PendingCommit } from './pending-commit.ts'

/**
 * Whether a commit only emits events, creates entities, and writes and compares fields that it names without a path. What it needs is
 * then among the entities that it names, and what it changes can be taken into the working set before PostgreSQL has it.
 */
export function isPlain({ request, needs }: PendingCommit): boolean {
  return needs === undefined && request.mutations.every(isPlainMutation) && request.conditions.every(isPlainCondition)
}

function isPlainCondition({ kind }: Condition): boolean {
  return kind.case === 'entityExists' || kind.case === undefined || !kind.value.field.includes('->')
}

function isPlainMutation({ kind }: Mutation): boolean {
  switch (kind.case) {
    case 'writeField':
      return !kind.value.field.includes('->')
    case 'createEntity':
    case 'emitEvent':
      return true
    default:
      return false
  }
}
