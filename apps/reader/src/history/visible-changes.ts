import { create } from '@bufbuild/protobuf'
import { ChangeSchema, type Change, type FieldState, type TypeSchema } from '@qcore/contracts'
import { typeModelFromSchema, visiblePastType } from '@qcore/model'
import type { TypeRegistry } from '@qcore/replica'
import type { View } from '../view.ts'

/** What a caller may see of changes: not those of fields that it may not see, nor what it may not see in the others. */
export function visibleChanges(changes: readonly Change[], present: TypeRegistry, view: View): Change[] {
  if (view.grants.hasAll || !present.isRestricted) return [...changes]
  return changes.flatMap((change) => visibleChange(change, present, view) ?? [])
}

function visibleChange(change: Change, present: TypeRegistry, view: View): Change | undefined {
  const { kind } = change
  switch (kind.case) {
    case 'fieldChanged':
      return view.type(kind.value.entityType)?.fieldsByName.has(kind.value.name) === true ? change : undefined
    case 'entityCreated': {
      const fields = visibleFields(kind.value.fields, kind.value.entity?.type, view)
      return fields && create(ChangeSchema, { kind: { case: kind.case, value: { ...kind.value, fields } } })
    }
    case 'entityDeleted': {
      const fields = visibleFields(kind.value.fields, kind.value.entity?.type, view)
      return fields && create(ChangeSchema, { kind: { case: kind.case, value: { ...kind.value, fields } } })
    }
    case 'schemaChanged': {
      const schema = visibleSchema(kind.value.schema, present, view)
      const previous = visibleSchema(kind.value.previous, present, view)
      if (schema === undefined) return undefined
      const value = previous === undefined ? { schema } : { schema, previous }
      return create(ChangeSchema, { kind: { case: kind.case, value } })
    }
    default:
      return change
  }
}

function visibleFields(fields: readonly FieldState[], type: string | undefined, view: View): FieldState[] | undefined {
  const model = view.type(type ?? '')
  return model && fields.filter(({ name }) => model.fieldsByName.has(name))
}

function visibleSchema(
  schema: TypeSchema | undefined,
  present: TypeRegistry,
  { grants }: View,
): TypeSchema | undefined {
  if (schema === undefined) return undefined
  return visiblePastType(typeModelFromSchema(schema), present.get(schema.type), grants)?.schema
}
