import { clone, create, toBinary } from '@bufbuild/protobuf'
import { TypeSchemaSchema, type TypeSchema } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { completeSchema, typeModelFromSchema, type TypeModel } from '@qcore/model'
import { createMessageCheck } from '@qcore/transport'

/**
 * The types of a restore. The ids of their fields are keys of the restore; which field of the store each one is, is
 * decided when the restore is compared with the store.
 */
export class StagedTypes {
  readonly #models = new Map<string, TypeModel>()
  readonly #present: ReadonlyMap<string, TypeSchema>
  readonly #check = createMessageCheck()
  #nextKey = 1

  /** @param present the types of the store, which stay as they are */
  constructor(present: readonly TypeSchema[]) {
    this.#present = new Map(present.map((schema) => [schema.type, schema]))
  }

  get(name: string): TypeModel | undefined {
    return this.#models.get(name)
  }

  /**
   * Adds a type of the file, or the store's own of that name.
   *
   * @throws QError `invalid_snapshot`
   */
  add(given: TypeSchema, line: number): TypeModel {
    if (this.#models.has(given.type)) throw invalid(line, `the type ${given.type} is there twice`)
    const present = this.#present.get(given.type)
    const schema = present === undefined ? this.#complete(given, line) : clone(TypeSchemaSchema, present)
    for (const field of [...schema.fields].sort((a, b) => a.id - b.id)) field.id = this.#nextKey++
    const model = typeModelFromSchema(schema)
    this.#models.set(model.name, model)
    return model
  }

  #complete(given: TypeSchema, line: number): TypeSchema {
    const request = create(TypeSchemaSchema, given)
    // Ids are given in this order, which is that in which the fields were added.
    request.fields = [...given.fields].sort((a, b) => a.id - b.id)
    try {
      this.#check(TypeSchemaSchema, request)
      return completeSchema(request, { previous: undefined, nextFieldId: 1, path: 'schema' })
    } catch (error) {
      if (isQError(error)) throw invalid(line, `${error.field}: ${error.message}`, error)
      throw error
    }
  }
}

/** The bytes that a staged type is kept as. */
export function stagedBytes({ schema }: TypeModel): Uint8Array {
  return toBinary(TypeSchemaSchema, schema)
}

function invalid(line: number, message: string, cause?: unknown): QError {
  return new QError('invalid_snapshot', `line ${line}: ${message}`, { field: `line ${line}`, cause })
}
