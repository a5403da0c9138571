import { sameFieldValue, type FieldModel, type FieldValue } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import type { HotEntity } from '../commit/hot-entity.ts'
import { assertReferences, setField } from './set-field.ts'

/** On what terms a mutation writes; they go for the writes of a transformation that it feeds. */
export interface WriteTerms {
  /** Microseconds since 1970. */
  readonly writeTimeUs: number
  /** Whether a write of the value that is there does nothing. */
  readonly onlyChanges: boolean
  /** The part of the request to name in an error. */
  readonly path: string
}

/**
 * Gives a field a checked value. Returns whether that changed anything.
 *
 * @throws QError `unknown_entity`, `value_out_of_range`
 */
export function storeField(
  context: CommitContext,
  { entity, field }: { entity: HotEntity; field: FieldModel },
  value: FieldValue,
  { writeTimeUs, onlyChanges, path }: WriteTerms,
): boolean {
  const { caller, revision } = context
  const written = { value, writeTimeUs, writer: caller.subject, revision }
  assertReferences(context, field, written, `${path}.value`)
  const current = entity.fields[field.position]
  if (onlyChanges && current !== undefined && sameFieldValue(current.value, value)) return false
  setField(context, entity, field, written)
  return true
}
