import { isQError } from '@qcore/errors'
import { backoffMs, pause } from '../calls/backoff.ts'
import type { CallOptions } from '../calls/caller.ts'
import { commit, type CommitBuilder, type CommitInput } from '../commit/commit-builder.ts'
import type { CommitResult } from '../commit/committer.ts'
import type { Field } from '../values/field.ts'
import { list } from '../values/value-input.ts'
import type { BindingStore } from './binding-scope.ts'
import { expectType } from './field-binding.ts'
import { editedList, type ListEdit } from './list-edit.ts'

/** How long edits are tried again while others change the same list, in milliseconds, unless the call says otherwise. */
const contentionMs = 10_000

/** Edits of one list. */
export interface ListEdits {
  readonly entityId: string
  readonly field: string
  readonly edits: readonly ListEdit[]
  /** What the list holds, if nobody else can know of it; otherwise it is read. */
  readonly base?: readonly string[]
}

/** Changes to commit together. */
export interface EditPlan {
  readonly changes: CommitInput
  readonly lists: readonly ListEdits[]
  readonly commit: (input: CommitInput) => Promise<CommitResult>
}

/**
 * Commits changes together with edits of lists. A list that somebody else changed since it was read is read again, so
 * that neither change is lost.
 *
 * @throws QError `condition_failed` if a condition of the changes does not hold, or the lists change all the time
 */
export async function commitListEdits(
  store: BindingStore,
  plan: EditPlan,
  { timeoutMs = contentionMs, signal = new AbortController().signal }: CallOptions = {},
): Promise<CommitResult> {
  const deadlineAt = performance.now() + timeoutMs
  for (let failures = 1; ; failures += 1) {
    const leftMs = Math.max(1, deadlineAt - performance.now())
    const input = await withLists(store, plan, {
      consistency: failures === 1 ? 'session' : 'latest',
      timeoutMs: leftMs,
      signal,
    })
    if (input.mutations.length === 0 && input.conditions.length === 0) {
      return { revision: store.revision, time: undefined, results: [] }
    }
    try {
      return await plan.commit(input)
    } catch (error) {
      const pauseMs = backoffMs(failures)
      if (!isListCondition(error, plan) || performance.now() + pauseMs >= deadlineAt) throw error
      await pause(pauseMs, signal)
    }
  }
}

/** Whether a list was changed by somebody else meanwhile. */
function isListCondition(error: unknown, { changes }: EditPlan): boolean {
  if (!isQError(error, 'condition_failed')) return false
  const [, index] = /^conditions\[(\d+)\]/.exec(error.field) ?? []
  return index !== undefined && Number(index) >= changes.conditions.length
}

async function withLists(
  store: BindingStore,
  { changes, lists }: EditPlan,
  options: Parameters<BindingStore['readMany']>[1],
): Promise<CommitInput> {
  if (lists.length === 0) return changes
  const builder = commit()
  builder.mutations.push(...changes.mutations)
  builder.conditions.push(...changes.conditions)
  const wanted = lists.filter(({ base }) => base === undefined)
  const reads = wanted.map(({ entityId, field }) => ({ entity: entityId, path: field }))
  const { fields } = await store.readMany(reads, options)
  const held = new Map(wanted.map((each, index) => [each, fields[index]]))
  for (const each of lists) addList(builder, each, held.get(each))
  return builder
}

function addList(builder: CommitBuilder, { entityId, field, edits, base }: ListEdits, read: Field | undefined): void {
  if (read !== undefined) expectType(read, 'EntityList')
  const before = base ?? (read?.value as readonly string[])
  const after = editedList(before, edits)
  if (after === before) return
  if (read === undefined) {
    builder.write(entityId, field, list(after))
  } else {
    // By a path it was read from another entity; that one is changed, wherever the path leads by then.
    builder.write(read.entityId, read.name, list(after)).ifRevision(read.entityId, read.name, read.revision)
  }
}
