import { Membership } from '@qcore/contracts'
import { messageFromField, type EntityState } from '@qcore/model'
import { decodeEntityDeleted, type ChangeOutline, type EntitySource, type LogRecord } from '@qcore/replica'
import type { StreamEnd } from '../stream/stream-end.ts'
import { seenType, type SeenTypes } from '../notify/seen-types.ts'
import { Ancestry, type Ancestor } from './ancestry.ts'
import { FieldWrite, fieldWrites } from './field-write.ts'
import { mergeSelections } from './match-index.ts'
import { MembershipEvent } from './membership-event.ts'
import { structureKey, type NotifiedChange } from './notified-change.ts'
import { structureEvents, type StructureEvent } from './structure-event.ts'
import type { SubtreeIndex } from './subtree-index.ts'
import { subtreeKey } from './subtree-key.ts'
import type { Selection, SubscriptionGroup } from './subscription-group.ts'

/** A change, and for whom it is. */
export interface SelectedChange<S> {
  readonly change: NotifiedChange
  readonly selections: readonly Selection<S>[]
}

/** What a commit means for subtrees. */
export interface SubtreeChanges<S> {
  readonly selected: readonly SelectedChange<S>[]
  /** Those for whom more entities were moved than are told one by one. */
  readonly overflown: ReadonlySet<S>
}

/** Entities that one move takes in or out of a watched subtree, and that are told of. */
const mostMoved = 10_000

/** Why a stream ends for whom more was moved. */
export function tooManyMoved(revision: number): StreamEnd {
  const message = `revision ${revision} moved more than ${mostMoved} entities into a subtree, or out of it`
  return { code: 'too_many_changes', message, metadata: { revision: `${revision}` } }
}

/** What the changes of one commit are found with. */
interface Finding<S> {
  readonly record: LogRecord
  readonly index: SubtreeIndex<S>
  readonly source: EntitySource
  readonly seen: SeenTypes
  readonly ancestry: Ancestry
  readonly selected: SelectedChange<S>[]
  readonly overflown: Set<S>
  /** Entities that were told to have come or gone: one may move, and be taken along as well. */
  readonly moved: Set<string>
}

type EntityChange = Extract<ChangeOutline, { entityId: string }>

/**
 * What a commit means for those who watch subtrees, in the order of its changes. Undefined: something is not at hand.
 *
 * @param source of right after the commit
 */
export function subtreeChanges<S>(
  record: LogRecord,
  index: SubtreeIndex<S>,
  { source, seen }: { source: EntitySource; seen: SeenTypes },
): SubtreeChanges<S> | undefined {
  const ancestry = new Ancestry(record)
  const finding: Finding<S> = {
    record,
    index,
    source,
    seen,
    ancestry,
    selected: [],
    overflown: new Set(),
    moved: new Set(),
  }
  let isComplete = true
  for (const change of record.changes) {
    if (change.kind === 'schema_changed' || change.kind === 'other') continue
    if (!takeChange(change, finding)) isComplete = false
  }
  return isComplete ? finding : undefined
}

/** The subtrees that an entity belonged to, and belongs to; with the way to the top of each. */
interface Belonging {
  readonly before: ReadonlyMap<string, readonly Ancestor[]>
  readonly after: ReadonlyMap<string, readonly Ancestor[]>
}

/** False: something is not at hand. */
function takeChange<S>(change: EntityChange, finding: Finding<S>): boolean {
  const { index, record } = finding
  if (change.kind === 'field_changed' && !index.watches(change.type, change.name)) return true
  const belonging = belongingOf(change.entityId, finding)
  if (belonging === undefined) return false
  if (change.kind === 'field_changed') {
    const stays = new Map([...belonging.after].filter(([root]) => belonging.before.has(root)))
    for (const write of fieldWrites(record, change))
      select(write, [[stays, subtreeKey(change.type, change.name)]], finding)
    return true
  }
  for (const event of structureEvents(change)) if (!takeStructure(event, change, belonging, finding)) return false
  if (change.kind === 'entity_created') takeCreated(change, belonging, finding)
  else if (change.kind === 'entity_deleted') takeDeleted(change, belonging, finding)
  else if (change.kind === 'entity_changed' && change.parentId !== change.previous.parentId)
    return takeMoved(change, belonging, finding)
  return true
}

function belongingOf<S>(id: string, { ancestry, index, source }: Finding<S>): Belonging | undefined {
  const [before, after] = [ancestry.of(id, 'before', source), ancestry.of(id, 'after', source)]
  if (before === undefined || after === undefined) return undefined
  return { before: rootsOn(before, index), after: rootsOn(after, index) }
}

/** The tops of watched subtrees on the way to the root, and the way to each. */
function rootsOn<S>(chain: readonly Ancestor[] | null, index: SubtreeIndex<S>): Map<string, readonly Ancestor[]> {
  const roots = new Map<string, readonly Ancestor[]>()
  for (const [position, { id }] of (chain ?? []).entries()) {
    if (index.isRoot(id)) roots.set(id, (chain ?? []).slice(0, position + 1))
  }
  return roots
}

/** What happened to an entity is for whoever watches a subtree where it was or is. */
function takeStructure<S>(event: StructureEvent, change: EntityChange, of: Belonging, finding: Finding<S>): boolean {
  const isOfParent = event.entityId !== change.entityId
  const belonging = isOfParent ? belongingOf(event.entityId, finding) : of
  const parent = isOfParent ? finding.source.entity(event.entityId) : undefined
  if (belonging === undefined || (isOfParent && parent === undefined)) return false
  const type = parent?.type ?? change.type
  const roots = new Map([...belonging.before, ...belonging.after])
  const keys = event.kinds.flatMap((kind) => [subtreeKey(type, structureKey(kind)), subtreeKey('', structureKey(kind))])
  select(
    event,
    keys.map((key) => [roots, key] as const),
    finding,
  )
  return true
}

function takeCreated<S>(change: EntityChange, { after }: Belonging, finding: Finding<S>): void {
  for (const write of fieldWrites(finding.record, change)) {
    const { entityId, entityType, name } = write
    const event = new MembershipEvent(Membership.ENTERED, { entityId, entityType, name, field: () => write.current })
    select(event, [[after, subtreeKey(entityType, name)]], finding)
  }
}

function takeDeleted<S>(change: EntityChange, { before }: Belonging, finding: Finding<S>): void {
  if (before.size === 0) return
  const { entityId, type } = change
  for (const previous of decodeEntityDeleted(change).fields) {
    const write = new FieldWrite(finding.record, { entityId, type, name: previous.name }, { previous })
    const of = { entityId, entityType: type, name: previous.name, field: () => write.previous, write }
    select(new MembershipEvent(Membership.LEFT, of), [[before, subtreeKey(type, previous.name)]], finding)
  }
}

/** An entity that moves takes its descendants along. */
function takeMoved<S>(change: EntityChange, { before, after }: Belonging, finding: Finding<S>): boolean {
  const { source, index, overflown } = finding
  const crossed = [...new Set([...before.keys(), ...after.keys()])].filter((id) => before.has(id) !== after.has(id))
  if (crossed.length === 0) return true
  const ids = descendantsOf(change.entityId, source)
  if (ids === undefined) return false
  if (ids.length > mostMoved) {
    for (const root of crossed) for (const { whenChanged } of index.ofRoot(root)) overflown.add(whenChanged.subscriber)
    return true
  }
  return ids.map((id) => takeMember(id, finding)).every((isTaken) => isTaken)
}

/** An entity and its descendants, as of after the commit. Undefined: something is not at hand. */
function descendantsOf(id: string, source: EntitySource): string[] | undefined {
  const ids = [id]
  let isComplete = true
  for (let position = 0; position < ids.length && ids.length <= mostMoved; position++) {
    const children = source.children(ids[position] ?? '')
    if (children === undefined) isComplete = false
    else ids.push(...children.ids())
  }
  return isComplete ? ids : undefined
}

function takeMember<S>(id: string, finding: Finding<S>): boolean {
  const belonging = belongingOf(id, finding)
  const entity = finding.source.entity(id)
  if (belonging === undefined || entity === undefined) return false
  // What was created or deleted by the same commit has a change of its own.
  if (entity === null || entity.createdRevision === finding.record.revision) return true
  if (finding.moved.has(id)) return true
  finding.moved.add(id)
  const { before, after } = belonging
  const entered = new Map([...after].filter(([root]) => !before.has(root)))
  const left = new Map([...before].filter(([root]) => !after.has(root)))
  for (const { name } of finding.source.type(entity.type)?.fields ?? []) {
    const key = subtreeKey(entity.type, name)
    if (!finding.index.watches(entity.type, name)) continue
    select(memberEvent(Membership.ENTERED, entity, name, finding), [[entered, key]], finding)
    select(memberEvent(Membership.LEFT, entity, name, finding), [[left, key]], finding)
  }
  return true
}

function memberEvent<S>(
  membership: typeof Membership.ENTERED | typeof Membership.LEFT,
  entity: EntityState,
  name: string,
  { record, source }: Finding<S>,
): MembershipEvent {
  const of = { entityId: entity.id, entityType: entity.type, name }
  const outline = record.changes.find(
    (change) => change.kind === 'field_changed' && change.entityId === entity.id && change.name === name,
  )
  if (membership === Membership.LEFT && outline !== undefined) {
    const [write] = fieldWrites(record, outline)
    return new MembershipEvent(membership, { ...of, field: () => write?.previous, write })
  }
  const model = source.type(entity.type)?.fieldsByName.get(name)
  const state = model && entity.fields[model.position]
  const field = model && state && messageFromField(model.valueType, state, { entityId: entity.id, name })
  return new MembershipEvent(membership, { ...of, field: () => field })
}

/** Finds for whom a change is: in subtrees, each with the key to look for. */
function select<S>(
  change: NotifiedChange,
  wanted: readonly (readonly [roots: ReadonlyMap<string, readonly Ancestor[]>, key: string])[],
  { index, seen, selected }: Finding<S>,
): void {
  const selections: Selection<S>[] = []
  for (const [roots, key] of wanted) {
    for (const [root, way] of roots) {
      for (const group of index.groups(root, key)) {
        const selection = change.changed ? group.whenChanged : group.whenSame
        if (selection !== undefined && isVisibleWay(way, group, seen)) selections.push(selection)
      }
    }
  }
  if (selections.length > 0) selected.push({ change, selections: mergeSelections(selections) })
}

/** What lies below something that may not be seen is not seen to be in the subtree. */
function isVisibleWay<S>(way: readonly Ancestor[], { whenChanged }: SubscriptionGroup<S>, seen: SeenTypes): boolean {
  const { grants } = whenChanged.context
  return grants.hasAll || way.every(({ type }) => seenType(seen, type, grants) !== undefined)
}
