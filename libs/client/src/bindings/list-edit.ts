/** What to do to a list, whatever it holds by then. */
export interface ListEdit {
  readonly kind: 'add' | 'remove'
  readonly entityIds: readonly string[]
}

/**
 * The list after edits: what is added goes to the end, unless it is there; the others keep their order. The same list
 * if nothing changes.
 */
export function editedList(list: readonly string[], edits: readonly ListEdit[]): readonly string[] {
  const wanted = new Set(list)
  for (const { kind, entityIds } of edits) {
    for (const id of entityIds) {
      if (kind === 'add') wanted.add(id)
      else wanted.delete(id)
    }
  }
  const held = new Set(list)
  const kept = list.filter((id) => wanted.has(id))
  const added = [...wanted].filter((id) => !held.has(id))
  return kept.length === list.length && added.length === 0 ? list : [...kept, ...added]
}
