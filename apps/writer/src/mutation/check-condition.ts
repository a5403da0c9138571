import type { Condition } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { checkedFieldValue, sameFieldValue, type FieldModel, type FieldState } from '@qcore/model'
import type { GroupState } from '../commit/group-state.ts'
import { fieldTarget } from './field-target.ts'

/**
 * Checks that a condition holds.
 *
 * @throws QError `condition_failed`, what `fieldTarget` throws, and what is wrong with a value
 */
export function checkCondition(state: GroupState, { kind }: Condition, path: string): void {
  switch (kind.case) {
    case 'fieldRevision': {
      const { held } = fieldOf(state, kind.value, `${path}.field_revision`)
      if (BigInt(held.revision) === kind.value.revision) return
      throw failed(`the field was last written by revision ${held.revision}`, `${path}.field_revision`)
    }
    case 'fieldValue': {
      const { field, held } = fieldOf(state, kind.value, `${path}.field_value`)
      const expected = checkedFieldValue(field, kind.value.value, `${path}.field_value.value`)
      if (sameFieldValue(held.value, expected)) return
      throw failed('the field holds another value', `${path}.field_value`)
    }
    case 'entityExists': {
      const exists = state.entity(kind.value.entityId) !== undefined
      if (exists === kind.value.exists) return
      throw failed(`the entity ${exists ? 'exists' : 'does not exist'}`, `${path}.entity_exists`)
    }
    case undefined:
      throw new QError('invalid_request', 'the condition is empty', { field: path })
  }
}

function fieldOf(
  state: GroupState,
  named: { entityId: string; field: string },
  path: string,
): { field: FieldModel; held: FieldState } {
  const { entity, field } = fieldTarget(state, named, path)
  const held = entity.fields[field.position]
  if (held === undefined) throw new Error('an entity has all fields of its type')
  return { field, held }
}

function failed(message: string, field: string): QError {
  return new QError('condition_failed', message, { field })
}
