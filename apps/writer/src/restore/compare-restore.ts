import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ProblemSchema,
  TypeSchemaSchema,
  ValueSchema,
  ValueType,
  type Problem,
  type TypeSchema,
} from '@qcore/contracts'
import { loadTypes, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { indexKey, limits, messageFromFieldValue, typeModelFromSchema, type FieldModel } from '@qcore/model'
import { readNextFieldId } from './sql/apply.ts'
import {
  createComparison,
  findChildProblems,
  findDanglingReferences,
  findRemainingDepth,
  insertCleared,
  loadHolders,
  loadStagedTop,
  loadUsedTypes,
  type HolderRow,
  type Scope,
} from './sql/comparison.ts'
import { loadStagedProblems } from './sql/differences.ts'
import { countStaged, loadStagedTypes } from './sql/staging.ts'
import { unknownRestore } from './open-restore.ts'
import type { StagedFacts } from './sql/restores.ts'
import { typeChanges, type TypeChanges } from './type-changes.ts'

/** Problems that are listed. */
const mostProblems = 100
/** Fields of one statement. */
const holdersAtOnce = 500

/** A restore, compared with the store as a transaction sees it. */
export interface Comparison {
  readonly scope: Scope
  readonly types: TypeChanges
  /** The types of the restore, with keys for ids. */
  readonly staged: readonly TypeSchema[]
  readonly current: readonly TypeSchema[]
  /** The first of them. */
  readonly problems: readonly Problem[]
  readonly problemCount: number
  /** The depth of the parent of the topmost entity. */
  readonly depth: number
}

/**
 * Compares a restore with the store, in a transaction, which holds what it finds in temporary tables.
 *
 * @throws QError `unknown_restore` if PostgreSQL has lost what was read
 */
export async function compareRestore(executor: Executor, id: string, facts: StagedFacts): Promise<Comparison> {
  await assertKept(executor, id, facts)
  const scope = { id, isWhole: facts.underId === '' }
  const current = (await loadTypes(executor)).schemas
  const staged = (await loadStagedTypes(executor, id)).map((bytes) => fromBinary(TypeSchemaSchema, bytes))
  const types = typeChanges({
    current,
    staged,
    isWhole: scope.isWhole,
    used: new Set(await loadUsedTypes(executor, id)),
    nextFieldId: await readNextFieldId(executor),
  })
  await createComparison(executor, scope, types.map)
  const problems = await loadStagedProblems(executor, id, mostProblems)
  for (const type of types.moved) {
    problems.push(problem('condition_failed', `the type ${type} has changed since the file was read: begin anew`, type))
  }
  const depth = await placeTop(executor, { scope, facts, problems })
  await findDangling(executor, { scope, staged, problems })
  await checkChildren(executor, { scope, staged, current, problems })
  if (!scope.isWhole) await clearHolders(executor, scope, current)
  const listed = Math.min(facts.problems, mostProblems)
  const problemCount = facts.problems + problems.length - listed
  return { scope, types, staged, current, problems: problems.slice(0, mostProblems), problemCount, depth }
}

/** A crash of PostgreSQL empties the tables of a restore: applying that would delete the store. */
async function assertKept(executor: Executor, id: string, facts: StagedFacts): Promise<void> {
  const counts = await countStaged(executor, id)
  const isKept = (['entities', 'fields', 'references', 'problems'] as const).every(
    (each) => counts[each] === facts[each],
  )
  if (!isKept) throw unknownRestore(id)
}

interface Findings {
  readonly scope: Scope
  readonly problems: Problem[]
}

/** Finds where the topmost entity goes. Returns the depth of its parent. */
async function placeTop(
  executor: Executor,
  { scope, facts, problems }: Findings & { facts: StagedFacts },
): Promise<number> {
  const { parentId, levels } = await loadStagedTop(executor, scope.id)
  const depth = parentId === '' ? 0 : await findRemainingDepth(executor, parentId)
  if (depth === undefined) {
    problems.push(
      problem('unknown_entity', `the store has no entity ${parentId}, the parent of ${facts.underId}`, parentId),
    )
    return 0
  }
  if (depth + levels > limits.treeDepth) {
    problems.push(problem('value_out_of_range', `the tree has at most ${limits.treeDepth} levels`, facts.underId))
  }
  return depth
}

async function findDangling(
  executor: Executor,
  { scope, staged, problems }: Findings & { staged: readonly TypeSchema[] },
): Promise<void> {
  const names = new Map(staged.flatMap(({ fields }) => fields.map(({ id, name }) => [id, name])))
  for (const { targetId, entityId, fieldKey } of await findDanglingReferences(executor, scope, mostProblems)) {
    const path = `${entityId}.${names.get(fieldKey) ?? fieldKey}`
    problems.push(problem('unknown_entity', `there is no entity ${targetId}, which ${path} refers to`, path))
  }
}

/** Finds children that their parents cannot have. */
async function checkChildren(
  executor: Executor,
  { scope, staged, current, problems }: Findings & Pick<Comparison, 'staged' | 'current'>,
): Promise<void> {
  const models = [...(scope.isWhole ? [] : current), ...staged].map(typeModelFromSchema)
  const uniqueIn = models.filter((model) => model.hasUniqueChildNames).map(({ name }) => name)
  const orderedIn = models.filter((model) => model.hasOrderedChildren).map(({ name }) => name)
  if (uniqueIn.length + orderedIn.length === 0) return
  const found = await findChildProblems(executor, scope, { uniqueIn, orderedIn, limit: mostProblems })
  for (const { entityId, parentId, name, isTaken } of found) {
    problems.push(
      isTaken
        ? problem('name_taken', `${parentId} would have more than one child ${name}`, entityId)
        : problem('invalid_request', `${parentId} orders its children, and ${entityId} has no place`, entityId),
    )
  }
}

/** Works out what fields outside of the restore hold when the entities that it deletes are taken out of them. */
async function clearHolders(executor: Executor, scope: Scope, current: readonly TypeSchema[]): Promise<void> {
  const fields = new Map(
    current.flatMap((schema) => typeModelFromSchema(schema).fields).map((field) => [field.id, field]),
  )
  let after: Pick<HolderRow, 'entityId' | 'fieldId'> = { entityId: '', fieldId: 0 }
  for (;;) {
    const holders = await loadHolders(executor, scope, { after, limit: holdersAtOnce })
    for (const holder of holders) {
      const field = fields.get(holder.fieldId)
      if (field === undefined) throw new Error(`no type has the field ${holder.fieldId} of ${holder.entityId}`)
      await insertCleared(executor, { ...holder, ...clearedValue(field, holder) })
    }
    const last = holders.at(-1)
    if (last === undefined || holders.length < holdersAtOnce) return
    after = last
  }
}

function clearedValue(
  field: FieldModel,
  { value: bytes, targets }: HolderRow,
): { value: Uint8Array; textKey: Uint8Array | undefined } {
  const { kind } = fromBinary(ValueSchema, bytes)
  const value = kind.case === 'entityList' ? kind.value.entityIds.filter((each) => !targets.includes(each)) : ''
  const message = messageFromFieldValue(field.valueType, value)
  const key =
    field.indexed && field.valueType === ValueType.ENTITY_REFERENCE ? indexKey(field.valueType, value) : undefined
  return {
    value: toBinary(ValueSchema, message),
    textKey: key?.kind === 'text' ? key.key : undefined,
  }
}

function problem(code: string, message: string, field: string): Problem {
  return create(ProblemSchema, { code, message, field })
}

/**
 * Refuses a restore that would break a rule of the store.
 *
 * @throws QError `restore_refused`
 */
export function assertWithoutProblems({ problems, problemCount }: Comparison): void {
  const [first] = problems
  if (first === undefined) return
  throw new QError('restore_refused', `${problemCount} problems, the first: ${first.message}`, { field: first.field })
}
