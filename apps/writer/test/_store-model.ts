import type { ErrorCode } from '@qcore/errors'

/** An entity of the model: the fields of type Machine that the property uses. */
export interface ModelEntity {
  parent: string
  count: number
  peer: string
  peers: string[]
}

export type Step =
  | { do: 'create'; id: string; parent: string; peer: string }
  | { do: 'delete'; id: string }
  | { do: 'move'; id: string; parent: string }
  | { do: 'count'; id: string; value: number; ifChanged: boolean }
  | { do: 'peer'; id: string; target: string }
  | { do: 'peers'; id: string; targets: string[] }

export interface Plan {
  steps: Step[]
  /** The commit goes through only if this entity's count is this. */
  expects?: { id: string; count: number }
}

export type Model = Map<string, ModelEntity>

/** What a commit does to the model: the model after it, or the code of the error that leaves it as it was. */
export function applyPlan(model: Model, root: string, { steps, expects }: Plan): Model | ErrorCode {
  if (expects !== undefined) {
    const entity = model.get(expects.id)
    if (entity === undefined) return 'unknown_entity'
    if (entity.count !== expects.count) return 'condition_failed'
  }
  const next: Model = structuredClone(model)
  for (const step of steps) {
    const problem = applyStep(next, { root, before: model, step })
    if (problem !== undefined) return problem
  }
  return next
}

function applyStep(
  next: Model,
  { root, before, step }: { root: string; before: Model; step: Step },
): ErrorCode | undefined {
  const exists = (id: string): boolean => id === '' || id === root || next.has(id)
  if (step.do === 'create') {
    if (!exists(step.parent) || step.parent === '') return 'unknown_entity'
    if (next.has(step.id) || before.has(step.id)) return 'entity_exists'
    next.set(step.id, { parent: step.parent, count: 0, peer: '', peers: [] })
    if (!exists(step.peer)) return 'unknown_entity'
    next.set(step.id, { parent: step.parent, count: 0, peer: step.peer, peers: [] })
    return undefined
  }
  const entity = next.get(step.id)
  if (entity === undefined) return 'unknown_entity'
  if (step.do === 'move') {
    if (!exists(step.parent) || step.parent === '') return 'unknown_entity'
    if (step.parent !== entity.parent && isWithin(next, step.parent, step.id)) return 'cycle'
    entity.parent = step.parent
  }
  if (step.do === 'delete') deleteWithDescendants(next, step.id)
  if (step.do === 'count') entity.count = step.value
  if (step.do === 'peer') {
    if (!exists(step.target)) return 'unknown_entity'
    entity.peer = step.target
  }
  if (step.do === 'peers') {
    if (!step.targets.every((id) => id !== '' && exists(id))) return 'unknown_entity'
    entity.peers = step.targets
  }
  return undefined
}

function isWithin(model: Model, id: string, topId: string): boolean {
  if (id === topId) return true
  const parent = model.get(id)?.parent
  return parent !== undefined && isWithin(model, parent, topId)
}

function deleteWithDescendants(next: Model, id: string): void {
  const doomed = [id]
  for (const parent of doomed) {
    for (const [child, entity] of next) if (entity.parent === parent) doomed.push(child)
  }
  for (const gone of doomed) next.delete(gone)
  for (const entity of next.values()) {
    if (doomed.includes(entity.peer)) entity.peer = ''
    entity.peers = entity.peers.filter((target) => !doomed.includes(target))
  }
}
