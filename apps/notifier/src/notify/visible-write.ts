import { visiblePastType, visibleType, type Grants } from '@qcore/model'
import type { PresentTypes } from '@qcore/replica'
import type { FieldWrite } from '../match/field-write.ts'

/** Whether a caller may see the field of a write, by what the schemas ask for now. */
export function isVisibleWrite(
  { entityType, name }: FieldWrite,
  present: PresentTypes | undefined,
  grants: Grants,
): boolean {
  if (grants.hasAll || present?.isRestricted === false) return true
  const model = present?.get(entityType)
  return model !== undefined && visibleType(model, grants)?.fieldsByName.has(name) === true
}

/** The same of a write of the past: the field of then may have another name now, or be gone. */
export function isVisiblePastWrite(
  { entityType, name }: FieldWrite,
  { typesThen, present }: { typesThen: Pick<PresentTypes, 'get'>; present: PresentTypes | undefined },
  grants: Grants,
): boolean {
  if (grants.hasAll) return true
  if (present === undefined) return false
  const now = present.get(entityType)
  const model = typesThen.get(entityType) ?? now
  return model !== undefined && visiblePastType(model, now, grants)?.fieldsByName.has(name) === true
}
