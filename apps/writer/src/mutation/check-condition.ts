import type { Condition } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { checkedFieldValue, sameFieldValue, type FieldModel, type FieldState } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { GroupSource } from '../commit/path-source.ts'
import { fieldTarget } from './field-target.ts'
import { permittedSource } from './permitted.ts'

/**
 * Checks that a condition holds.
 *
 * @throws QError `condition_failed`, what `fieldTarget` throws, and what is wrong with a value
 */
export function checkCondition(context: CommitContext, { kind }: Condition, path: string): void {
  switch (kind.case) {
    case 'fieldRevision': {
      const { held } = fieldOf(context, kind.value, `${path}.field_revision`)
      if (BigInt(held.revision) === kind.value.revision) return
      throw failed(`the field was last written by revision ${held.revision}`, `${path}.field_revision`)
    }
    case 'fieldValue': {
      const { field, held } = fieldOf(context, kind.value, `${path}.field_value`)
      const expected = checkedFieldValue(field, kind.value.value, `${path}.field_value.value`)
      if (sameFieldValue(held.value, expected)) return
      throw failed('the field holds another value', `${path}.field_value`)
    }
    case 'entityExists': {
      const exists = isThere(context, kind.value.entityId)
      if (exists === kind.value.exists) return
      throw failed(`the entity ${exists ? 'exists' : 'does not exist'}`, `${path}.entity_exists`)
    }
    case undefined:
      throw new QError('invalid_request', 'the condition is empty', { field: path })
  }
}

/** Whether there is an entity that the caller may see. */
function isThere(context: CommitContext, id: string): boolean {
  const entity = context.state.entity(id)
  return entity !== undefined && permittedSource(context, new GroupSource(context.state)).entity(id) !== null
}

function fieldOf(
  context: CommitContext,
  named: { entityId: string; field: string },
  path: string,
): { field: FieldModel; held: FieldState } {
  const { entity, field } = fieldTarget(context, named, path, 'read')
  const held = entity.fields[field.position]
  if (held === undefined) throw new Error('an entity has all fields of its type')
  return { field, held }
}

function failed(message: string, field: string): QError {
  return new QError('condition_failed', message, { field })
}
