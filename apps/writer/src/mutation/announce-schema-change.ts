import { ValueType } from '@qcore/contracts'
import type { CommitContext } from '../commit/commit-context.ts'
import { rootType } from './create-entity.ts'
import { setField } from './set-field.ts'

/** The id of the root, the same in every store. */
export const rootId = 'root'

/** The field of the root that is written whenever a type changes, so that whoever watches it hears of it. */
const triggerField = 'SchemaUpdateTrigger'

/** Writes the field by which the root tells that types have changed, once a commit; if the root still has it as it was. */
export function announceSchemaChange(context: CommitContext): void {
  const { state, revision, timeUs, caller } = context
  const root = state.entity(rootId)
  // While its own type changes, its fields are on the move.
  if (root === undefined || state.isAltered(rootType)) return
  const field = state.typeOf(root).fieldsByName.get(triggerField)
  if (field?.valueType !== ValueType.CHOICE || root.fields[field.position]?.revision === revision) return
  setField(context, root, field, { value: field.defaultValue, writeTimeUs: timeUs, writer: caller.subject, revision })
}
