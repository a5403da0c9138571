import { visiblePastType, type Grants, type TypeModel } from '@qcore/model'
import type { TypeSource } from '@qcore/query'
import type { PresentTypes, TypeRegistry } from '@qcore/replica'

/** The types of a revision as a caller may see them now. */
export function visibleTypes(types: TypeRegistry, present: PresentTypes, grants: Grants): TypeSource {
  if (grants.hasAll || !(present.isRestricted || types.isRestricted)) return types
  const models = new Map<string, TypeModel>()
  const hidden: string[] = []
  for (const name of types.names) {
    const model = types.get(name)
    const visible = model && visiblePastType(model, present.get(name), grants)
    if (visible === undefined) hidden.push(name)
    else models.set(name, visible)
  }
  return { names: [...models.keys()], hidden, get: (name) => models.get(name) }
}
