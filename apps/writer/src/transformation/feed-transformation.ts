import { ValueType } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import {
  celFromFieldValue,
  CostExceeded,
  entriesFromCel,
  messageFromCel,
  type CelInput,
  type CelValue,
  type PathReading,
} from '@qcore/expression'
import { limits, parsePath, referencedIds, type FieldModel } from '@qcore/model'
import type { CommitContext } from '../commit/commit-context.ts'
import { LoadMore } from '../commit/commit-needs.ts'
import type { HotEntity } from '../commit/hot-entity.ts'
import { fieldTarget, followPath } from '../mutation/field-target.ts'
import { assertMayWrite, maySee } from '../mutation/permitted.ts'
import { ownFieldValue, setField } from '../mutation/set-field.ts'
import { storeField, type WriteTerms } from '../mutation/store-field.ts'

/** Units that an evaluation, and a write that it asks for, cost beside what the expression does. */
const evaluationUnits = 50
const writeUnits = 20

/** A field of type Transformation, and who feeds it. */
export interface Feeding {
  readonly entity: HotEntity
  readonly field: FieldModel
  /** How many transformations feed each other up to this one, from 1. */
  readonly depth: number
}

/**
 * Feeds a value to a Transformation: evaluates its expression, and makes the writes that the result names. Returns whether
 * anything changed.
 *
 * @throws QError `expression_failed`, `expression_too_costly`, `transformation_too_deep`, and what is wrong with a
 *   write; all name the expression
 */
export function feedTransformation(
  context: CommitContext,
  feeding: Feeding,
  input: CelInput,
  terms: WriteTerms,
): boolean {
  try {
    if (feeding.depth > limits.transformationDepth) {
      throw new QError(
        'transformation_too_deep',
        `more than ${limits.transformationDepth} transformations feed each other`,
      )
    }
    const writes = evaluate(context, feeding, input)
    let changed = touch(context, feeding, terms)
    for (const [path, value] of writes) if (write(context, { feeding, path, value }, terms)) changed = true
    return changed
  } catch (error) {
    throw naming(error, feeding, terms)
  }
}

/** What the expression wants written, in its order; null writes nothing. */
function evaluate(context: CommitContext, { entity, field }: Feeding, input: CelInput): [string, CelValue][] {
  const { transformations } = context.state
  const text = entity.fields[field.position]?.value
  if (typeof text !== 'string' || text === '') return []
  const expression = transformations.compile(text)
  transformations.begin()
  transformations.meter.charge(evaluationUnits)
  const readPath = (path: string): PathReading => readField(context, entity, path)
  const result = expression.evaluate({ variables: { value: input }, readPath }, transformations.meter)
  return entriesFromCel(result).filter(([, value]) => value !== null)
}

function readField(context: CommitContext, entity: HotEntity, text: string): PathReading {
  const target = followPath(context, { entityId: entity.id, path: parsePath(text, '') })
  if (target.kind === 'problem') return { problem: target.message }
  if (target.kind === 'own') return { value: celFromFieldValue(target.valueType, target.value) }
  const held = target.entity.fields[target.field.position]
  if (held === undefined) throw new Error('an entity has all fields of its type')
  return { value: celFromFieldValue(target.field.valueType, held.value) }
}

function write(
  context: CommitContext,
  { feeding, path, value }: { feeding: Feeding; path: string; value: CelValue },
  terms: WriteTerms,
): boolean {
  const { state, changes } = context
  state.transformations.meter.charge(writeUnits)
  if (changes.length >= limits.changesPerCommit) {
    throw new QError('commit_too_large', `a commit makes at most ${limits.changesPerCommit} changes`)
  }
  const { entity, field } = fieldTarget(context, { entityId: feeding.entity.id, field: path }, terms.path, 'write')
  const model = state.typeOf(entity)
  assertMayWrite(context, model, terms.path, field)
  if (terms.onlyChanges && !maySee(context, model, field)) {
    throw new QError('permission_denied', 'the answer would tell what the field holds', { field: terms.path })
  }
  if (field.valueType === ValueType.TRANSFORMATION) {
    return feedTransformation(context, { entity, field, depth: feeding.depth + 1 }, value, terms)
  }
  const stored = ownFieldValue(field, messageFromCel(field.valueType, value, path), path)
  const unknown = referencedIds(field.valueType, stored).filter((id) => !state.knows(id))
  if (unknown.length > 0) throw new LoadMore({ ids: unknown })
  return storeField(context, { entity, field }, stored, terms)
}

/** The field tells who fed it last, and when; its expression stays. */
function touch(context: CommitContext, { entity, field }: Feeding, { writeTimeUs, onlyChanges }: WriteTerms): boolean {
  const held = entity.fields[field.position]
  if (onlyChanges || held === undefined) return false
  const { caller, revision } = context
  setField(context, entity, field, { value: held.value, writeTimeUs, writer: caller.subject, revision })
  return true
}

/** The error, which says whose expression it is about: the innermost one's. */
function naming(error: unknown, { entity: { id }, field }: Feeding, { path }: WriteTerms): unknown {
  const known = error instanceof CostExceeded ? tooCostly(error) : error
  if (!isQError(known) || known.metadata['expression'] !== undefined) return known
  const { code, message, metadata } = known
  return new QError(code, `the expression in ${field.name} of ${id}: ${message}`, {
    field: path,
    metadata: { ...metadata, expression: `${id}->${field.name}` },
    cause: error,
  })
}

function tooCostly(cause: CostExceeded): QError {
  return new QError('expression_too_costly', 'the transformations of the commit take more steps than it may', { cause })
}
