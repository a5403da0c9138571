import { StructureKind, type Subscription } from '@qcore/contracts'
import { QError } from '@qcore/errors'

/**
 * Checks what the rules of the proto cannot say: which parts of a subscription go together.
 *
 * @param path what to name in an error
 * @throws QError `invalid_request`
 */
export function assertShape(subscription: Subscription, path: string): void {
  const { target, fields, structure } = subscription
  if (target.case === 'schemas' || target.case === 'query') {
    assertEmpty(subscription, ['fields', 'structure', 'context', 'filter'], path)
    return
  }
  if (fields.length + structure.length === 0) {
    throw new QError('invalid_request', 'it names neither fields nor structure', { field: `${path}.fields` })
  }
  if (target.case === 'subtree') {
    const withPath = fields.findIndex((field) => field.includes('->'))
    if (withPath >= 0)
      throw new QError('invalid_request', 'a path begins at one entity, or at a type', {
        field: `${path}.fields[${withPath}]`,
      })
    if (target.value.type === '' && fields.length > 0) {
      throw new QError('invalid_request', 'fields are those of a type', { field: `${path}.subtree.type` })
    }
  }
  if (target.case === 'entityType' && structure.includes(StructureKind.CHILDREN_REORDERED)) {
    const message = 'the order of children is watched of one entity, not of a type'
    throw new QError('invalid_request', message, { field: `${path}.structure` })
  }
}

type Part = 'fields' | 'structure' | 'context' | 'filter'

function assertEmpty(subscription: Subscription, parts: readonly Part[], path: string): void {
  const given = parts.find((part) => subscription[part].length > 0)
  if (given === undefined) return
  const message = `a subscription to ${subscription.target.case ?? 'nothing'} has no ${given}`
  throw new QError('invalid_request', message, { field: `${path}.${given}` })
}
