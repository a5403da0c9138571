import { StructureKind } from '@qcore/contracts'

/** What happens to an entity besides writes. */
export type StructureEvent = 'created' | 'deleted' | 'moved' | 'renamed' | 'children-reordered'

/** The kinds of the contract. */
export const structureKinds: Readonly<Record<StructureEvent, StructureKind>> = {
  created: StructureKind.CREATED,
  deleted: StructureKind.DELETED,
  moved: StructureKind.MOVED,
  renamed: StructureKind.RENAMED,
  'children-reordered': StructureKind.CHILDREN_REORDERED,
}

const events = new Map(Object.entries(structureKinds).map(([event, kind]) => [kind, event as StructureEvent]))

/** The words for what happened; what only newer servers know is left out. */
export function structureEventsOf(kinds: readonly StructureKind[]): StructureEvent[] {
  return kinds.flatMap((kind) => events.get(kind) ?? [])
}
