import { clone, equals } from '@bufbuild/protobuf'
import { TypeSchemaSchema, type TypeSchema } from '@qcore/contracts'
import { typeModelFromSchema } from '@qcore/model'

/** A type that a restore changes. */
export interface TypeChange {
  /** Undefined: it is created. */
  readonly current: TypeSchema | undefined
  /** Undefined: it is deleted. */
  readonly restored: TypeSchema | undefined
}

/** What a restore does to the types, and which field of the store each of its fields is. */
export interface TypeChanges {
  readonly changes: readonly TypeChange[]
  readonly map: readonly { key: number; fieldId: number }[]
  readonly nextFieldId: number
  /** Types of the store that are not any more what the file was read for. */
  readonly moved: readonly string[]
}

export interface TypeComparison {
  /** The types of the store. */
  readonly current: readonly TypeSchema[]
  /** Those of the restore, with keys for ids. */
  readonly staged: readonly TypeSchema[]
  /** Whether the store gets exactly these types; otherwise those that it has stay. */
  readonly isWhole: boolean
  /** The types of restored entities: of others only a whole restore takes notice. */
  readonly used: ReadonlySet<string>
  readonly nextFieldId: number
}

/** Compares the types. A field that is still the same keeps its id, any other gets one that was never used. */
export function typeChanges({ current, staged, isWhole, used, nextFieldId }: TypeComparison): TypeChanges {
  const present = new Map(current.map((schema) => [schema.type, schema]))
  const changes: TypeChange[] = []
  const map: { key: number; fieldId: number }[] = []
  const moved: string[] = []
  let freeId = nextFieldId
  for (const schema of staged) {
    const known = present.get(schema.type)
    if (!isWhole && !used.has(schema.type)) continue
    const restored = clone(TypeSchemaSchema, schema)
    const sameFields = keptFieldIds(known, schema)
    for (const field of [...restored.fields].sort((a, b) => a.id - b.id)) {
      const fieldId = sameFields.get(field.name) ?? freeId++
      map.push({ key: field.id, fieldId })
      field.id = fieldId
    }
    restored.revision = known?.revision ?? 0n
    if (known !== undefined && equals(TypeSchemaSchema, known, restored)) continue
    if (known !== undefined && !isWhole) moved.push(schema.type)
    changes.push({ current: known, restored })
  }
  if (isWhole) {
    const names = new Set(staged.map(({ type }) => type))
    for (const schema of current) if (!names.has(schema.type)) changes.push({ current: schema, restored: undefined })
  }
  return { changes, map, nextFieldId: freeId, moved }
}

/** The ids of the fields that are the same in a type of the store: of the same name, type of values, and index. */
function keptFieldIds(known: TypeSchema | undefined, schema: TypeSchema): Map<string, number> {
  if (known === undefined) return new Map()
  const knownFields = typeModelFromSchema(known).fieldsByName
  const kept = typeModelFromSchema(schema).fields.flatMap((field): [string, number][] => {
    const same = knownFields.get(field.name)
    const isSame = same !== undefined && same.valueType === field.valueType && same.indexed === field.indexed
    return isSame ? [[field.name, same.id]] : []
  })
  return new Map(kept)
}
