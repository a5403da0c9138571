import { visiblePastType, type Grants, type TypeModel } from '@qcore/model'
import type { PresentTypes } from '@qcore/replica'

/** By which types it is decided what a caller may see. */
export interface SeenTypes {
  /** The types as they are now; undefined for a moment after the log was replaced. */
  readonly present: PresentTypes | undefined
  /** A type of the revision of the change. */
  typeThen(name: string): TypeModel | undefined
}

/** A type as a caller may see it: by what is asked for now, and by what was asked for then; undefined: it may not. */
export function seenType(seen: SeenTypes, name: string, grants: Grants): TypeModel | undefined {
  if (seen.present === undefined) return undefined
  const now = seen.present.get(name)
  const model = seen.typeThen(name) ?? now
  return model && visiblePastType(model, now, grants)
}
