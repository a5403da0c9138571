import { clone } from '@bufbuild/protobuf'
import {
  ChildOrder,
  FieldDefinitionSchema,
  TypeSchemaSchema,
  type AlterStep,
  type FieldDefinition,
  type SetChildRules,
  type TypeSchema,
  type Value,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { canConvert, convertValue } from './convert-value.ts'
import {
  fieldValueFromMessage,
  messageFromFieldValue,
  valueTypeName,
  zeroFieldValue,
  type FieldValue,
} from './field-value.ts'
import { completeField, keepPermissions, typeModelFromSchema, type FieldModel, type TypeModel } from './type-model.ts'

/** What the steps of an AlterType amount to. */
export interface Alteration {
  readonly previous: TypeModel
  /** The type as it becomes; its revision is still to be set. */
  readonly model: TypeModel
  /** Fields that existing entities get, with their defaults. */
  readonly added: readonly FieldModel[]
  /** Fields of `previous` that are gone, and whose values nothing takes over. */
  readonly removed: readonly FieldModel[]
  /** Fields that take over the values of fields of `previous`, converted. */
  readonly retyped: readonly { readonly from: FieldModel; readonly to: FieldModel }[]
  /** Fields that keep their values under another name. */
  readonly renamed: readonly { readonly from: FieldModel; readonly to: FieldModel }[]
}

/** A field on its way. */
interface Draft {
  definition: FieldDefinition
  /** The field whose values it has, if it is not new. */
  readonly origin: FieldModel | undefined
  /** Whether the values are converted. */
  isRetyped: boolean
}

/**
 * Makes the steps of an AlterType.
 *
 * @param nextFieldId the first id that is free in the store
 * @throws QError `unknown_field`, `invalid_schema`, `schema_change_refused`, and what is wrong with a default
 */
export function alterSchema(
  previous: TypeModel,
  steps: readonly AlterStep[],
  { nextFieldId, path }: { nextFieldId: number; path: string },
): Alteration {
  const draft = new TypeDraft(previous, nextFieldId)
  for (const [index, { kind }] of steps.entries()) draft.apply(kind, `${path}.steps[${index}]`)
  return draft.finish()
}

class TypeDraft {
  readonly #previous: TypeModel
  #fields: Draft[]
  #nextFieldId: number
  readonly #schema: TypeSchema

  constructor(previous: TypeModel, nextFieldId: number) {
    this.#previous = previous
    this.#nextFieldId = nextFieldId
    this.#schema = clone(TypeSchemaSchema, previous.schema)
    this.#fields = previous.schema.fields.map((definition) => ({
      definition,
      origin: previous.fieldsByName.get(definition.name),
      isRetyped: false,
    }))
  }

  apply(kind: AlterStep['kind'], path: string): void {
    switch (kind.case) {
      case 'addField':
        return this.#add(kind.value.field, `${path}.add_field.field`)
      case 'removeField': {
        const removed = this.#field(kind.value.field, `${path}.remove_field.field`)
        this.#fields = this.#fields.filter((field) => field !== removed)
        return
      }
      case 'renameField': {
        const field = this.#field(kind.value.field, `${path}.rename_field.field`)
        if (kind.value.name !== kind.value.field) this.#assertFree(kind.value.name, `${path}.rename_field.name`)
        field.definition = clone(FieldDefinitionSchema, field.definition)
        field.definition.name = kind.value.name
        return
      }
      case 'retypeField':
        return this.#retype(kind.value.field, `${path}.retype_field.field`)
      case 'reorderFields':
        return this.#reorder(kind.value.fields, `${path}.reorder_fields.fields`)
      case 'setChildRules':
        return this.#setChildRules(kind.value)
      case undefined:
        throw new QError('invalid_request', 'the step is empty', { field: path })
    }
  }

  finish(): Alteration {
    this.#schema.fields = this.#fields.map(({ definition }) => definition)
    this.#schema.fields.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || a.id - b.id)
    const model = typeModelFromSchema(this.#schema)
    const kept = this.#fields.flatMap(({ definition, origin, isRetyped }) => {
      const to = model.fieldsByName.get(definition.name)
      return origin === undefined || to === undefined ? [] : [{ from: origin, to, isRetyped }]
    })
    const origins = new Set(kept.map(({ from }) => from))
    return {
      previous: this.#previous,
      model,
      added: model.fields.filter((field) => !kept.some(({ to }) => to === field)),
      removed: this.#previous.fields.filter((field) => !origins.has(field)),
      retyped: kept.filter(({ isRetyped }) => isRetyped),
      renamed: kept.filter(({ from, to, isRetyped }) => !isRetyped && from.name !== to.name),
    }
  }

  #add(given: FieldDefinition | undefined, path: string): void {
    if (given === undefined) throw missing(path)
    this.#assertFree(given.name, `${path}.name`)
    const rank = given.rank ?? 1 + Math.max(-1, ...this.#fields.map(({ definition }) => definition.rank ?? 0))
    const definition = completeField(given, { known: undefined, id: this.#nextFieldId++, rank, path })
    keepPermissions(definition, given.permissions, undefined)
    this.#fields.push({ definition, origin: undefined, isRetyped: false })
  }

  #retype(given: FieldDefinition | undefined, path: string): void {
    if (given === undefined) throw missing(path)
    const field = this.#field(given.name, `${path}.name`)
    const { definition, origin } = field
    if (field.isRetyped) {
      throw new QError('invalid_schema', `the field ${given.name} is retyped twice`, { field: `${path}.name` })
    }
    if (origin !== undefined && !canConvert(origin.valueType, given.valueType)) {
      const types = `${valueTypeName(origin.valueType)} to ${valueTypeName(given.valueType)}`
      throw new QError(
        'schema_change_refused',
        `there is no conversion of ${types}; remove the field and add another`,
        {
          field: `${path}.value_type`,
        },
      )
    }
    const rank = given.rank ?? definition.rank ?? 0
    const asked = clone(FieldDefinitionSchema, given)
    if (asked.description === '') asked.description = definition.description
    const kept = asked.defaultValue === undefined ? convertedDefault(definition, given, path) : undefined
    if (kept !== undefined) asked.defaultValue = kept
    field.definition = completeField(asked, { known: undefined, id: this.#nextFieldId++, rank, path })
    // Nobody may see more of it for its other type.
    keepPermissions(field.definition, given.permissions, definition.permissions)
    field.isRetyped = origin !== undefined
  }

  #reorder(names: readonly string[], path: string): void {
    const ordered = names.map((name, index) => this.#field(name, `${path}[${index}]`))
    const missing = this.#fields.filter((field) => !ordered.includes(field)).map(({ definition }) => definition.name)
    const twice = names.filter((name, index) => names.indexOf(name) !== index)
    if (missing.length + twice.length > 0) {
      const what = missing.length > 0 ? `${missing.join(', ')} is missing` : `${twice.join(', ')} is there twice`
      throw new QError('invalid_schema', `an order names every field of the type once: ${what}`, { field: path })
    }
    for (const [rank, field] of ordered.entries()) {
      field.definition = clone(FieldDefinitionSchema, field.definition)
      field.definition.rank = rank
    }
  }

  #setChildRules({ uniqueChildNames, childOrder }: SetChildRules): void {
    // What holds without saying is left out.
    if (uniqueChildNames === true) this.#schema.uniqueChildNames = true
    else if (uniqueChildNames === false) delete this.#schema.uniqueChildNames
    if (childOrder === ChildOrder.UNSPECIFIED) return
    this.#schema.childOrder = childOrder === ChildOrder.EXPLICIT ? ChildOrder.EXPLICIT : ChildOrder.UNSPECIFIED
  }

  #field(name: string, path: string): Draft {
    const field = this.#fields.find(({ definition }) => definition.name === name)
    if (field !== undefined) return field
    throw new QError('unknown_field', `the type ${this.#schema.type} has no field ${name}`, { field: path })
  }

  #assertFree(name: string, path: string): void {
    if (!this.#fields.some(({ definition }) => definition.name === name)) return
    throw new QError('invalid_schema', `the type ${this.#schema.type} has a field ${name}`, { field: path })
  }
}

/** The default that a field had, as its other type has it; undefined: what holds without one. */
function convertedDefault(before: FieldDefinition, to: FieldDefinition, path: string): Value | undefined {
  const value = fieldValueFromMessage(before.valueType, before.defaultValue, path)
  const conversion = convertValue(before, to, value)
  if ('value' in conversion) return messageFromFieldValue(to.valueType, conversion.value)
  const isZero = indistinct(value) === indistinct(zeroFieldValue(before.valueType, before.choices))
  if (isZero) return undefined
  throw new QError('schema_change_refused', `the default cannot be converted, give another: ${conversion.reason}`, {
    field: `${path}.default_value`,
  })
}

function indistinct(value: FieldValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : `${value}`
}

function missing(field: string): QError {
  return new QError('invalid_request', 'the definition is missing', { field })
}
