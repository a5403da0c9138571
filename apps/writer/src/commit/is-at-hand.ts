import { ValueType } from '@qcore/contracts'
import type { PendingCommit } from './pending-commit.ts'
import type { WorkingSet } from './working-set.ts'

/**
 * Whether a commit surely needs nothing but what the working set has: it emits events without a key in namespaces that are
 * known, and writes plain values to fields that it names directly, of entities that are there. That is most commits, and finding out
 * what the others need costs much more.
 */
export function isAtHand({ request, needs }: PendingCommit, { entities, types, namespaces }: WorkingSet): boolean {
  if (needs !== undefined || request.conditions.length > 0) return false
  for (const { kind } of request.mutations) {
    if (kind.case === 'emitEvent' && kind.value.dedupeKey === '' && namespaces.has(kind.value.namespace)) continue
    if (kind.case !== 'writeField') return false
    const { entityId, field, value } = kind.value
    const written = value?.kind.case
    if (written === 'entityReference' || written === 'entityList') return false
    const entity = entities.get(entityId)
    const model = entity === undefined ? undefined : types.get(entity.type)
    const valueType = model?.fieldsByName.get(field)?.valueType
    // A write to a Transformation may read and write anything.
    if (valueType === undefined || valueType === ValueType.TRANSFORMATION) return false
  }
  return true
}
