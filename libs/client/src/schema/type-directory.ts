import { ReadService } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import { errorFromProblem } from '../calls/problem.ts'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { isPast, type Consistency, type Session } from '../read/consistency.ts'
import type { EntityReader } from '../read/entity-reader.ts'
import type { FieldType } from '../values/field-type.ts'
import { EntityTypes, type TypedEntity } from './entity-types.ts'
import { PathTypes, type PathQuestion } from './path-types.ts'
import { schemaFromMessage, type TypeSchema } from './schema.ts'

/** A field whose type is asked for, of a type or of an entity. */
export interface FieldQuestion {
  readonly of: { readonly type: string } | { readonly entityId: string }
  readonly field: string
}

/**
 * Remembers the schemas and the types of entities, to tell what a string or a number is meant to be. What is not
 * remembered is asked for; a store that refuses a value for its type shows what is not true any more.
 */
export class TypeDirectory {
  readonly #caller: Caller
  readonly #session: Session
  readonly #entities: EntityReader
  readonly #schemas = new Map<string, TypeSchema>()
  readonly #loading = new Map<string, Promise<void>>()
  readonly #typeOfEntity = new EntityTypes()
  readonly #paths: PathTypes

  constructor(caller: Caller, session: Session, entities: EntityReader) {
    this.#paths = new PathTypes(caller, session)
    this.#caller = caller
    this.#session = session
    this.#entities = entities
  }

  /** The type of a field, if it is remembered. */
  typeOf(question: FieldQuestion): FieldType | undefined {
    const path = pathOf(question)
    if (path !== undefined) return this.#paths.typeOf(path)
    const { of, field } = question
    const type = 'type' in of ? of.type : this.#typeOfEntity.get(of.entityId)
    const fields = type === undefined ? undefined : this.#schemas.get(type)?.fields
    return fields !== undefined && Object.hasOwn(fields, field) ? fields[field]?.type : undefined
  }

  /** The type of a field; undefined if there is no such field. */
  async find(question: FieldQuestion, options: CallOptions): Promise<FieldType | undefined> {
    if (this.typeOf(question) === undefined) await this.load([question], options)
    return this.typeOf(question)
  }

  /** Asks for what is not remembered. What does not exist is not an error here. */
  async load(asked: readonly FieldQuestion[], options: CallOptions): Promise<void> {
    const questions = asked.filter((question) => pathOf(question) === undefined)
    await this.#paths.load(
      asked.flatMap((question) => pathOf(question) ?? []),
      options,
    )
    const ids = questions.flatMap(({ of }) =>
      'entityId' in of && this.#typeOfEntity.get(of.entityId) === undefined ? [of.entityId] : [],
    )
    await this.#loadEntities([...new Set(ids)], options)
    const types = new Set(questions.flatMap((question) => this.#missingSchema(question)))
    await Promise.all(Array.from(types, (type) => this.#loadSchemaOnce(type)))
  }

  /** Reads a schema and remembers it. */
  async readSchema(type: string, consistency: Consistency | undefined, options: CallOptions): Promise<TypeSchema> {
    const demand = this.#session.demand(consistency)
    const request = { type, ...(demand === undefined ? {} : { consistency: demand }) }
    const { schema } = await this.#caller.call(ReadService.method.getSchema, request, options)
    if (schema === undefined) throw new Error('the answer has no schema')
    const read = schemaFromMessage(schema)
    const known = this.#schemas.get(type)
    const isNewer = known === undefined || known.revision <= read.revision
    if (isNewer && !isPast(consistency)) this.#schemas.set(type, read)
    return read
  }

  rememberEntity(id: string, type: string): void {
    this.#typeOfEntity.set(id, type)
  }

  /** Remembers a page of what was found. */
  rememberPage(entities: readonly TypedEntity[]): void {
    this.#typeOfEntity.setLater(entities)
  }

  /** Forgets what turned out to be wrong: a field was retyped, or an id was given to an entity of another type. */
  forget(questions: readonly FieldQuestion[]): void {
    for (const question of questions) {
      const path = pathOf(question)
      const { of } = question
      if (path !== undefined) this.#paths.forget(path)
      else if ('type' in of) this.#schemas.delete(of.type)
      else {
        const type = this.#typeOfEntity.get(of.entityId)
        if (type !== undefined) this.#schemas.delete(type)
        this.#typeOfEntity.delete(of.entityId)
      }
    }
  }

  /** Forgets everything: the store was restored. */
  forgetAll(): void {
    this.#schemas.clear()
    this.#typeOfEntity.clear()
  }

  forgetSchema(type: string): void {
    this.#schemas.delete(type)
  }

  async #loadEntities(ids: readonly string[], options: CallOptions): Promise<void> {
    if (ids.length === 0) return
    const outcomes = await this.#entities.read(ids, options)
    outcomes.forEach(({ outcome }, index) => {
      if (outcome.case === 'entity') this.rememberEntity(ids[index] ?? '', outcome.value.type)
      else if (outcome.case === 'problem' && outcome.value.code !== 'unknown_entity') {
        throw errorFromProblem(outcome.value)
      }
    })
  }

  #missingSchema(question: FieldQuestion): string[] {
    if (this.typeOf(question) !== undefined) return []
    const { of } = question
    const type = 'type' in of ? of.type : this.#typeOfEntity.get(of.entityId)
    return type === undefined ? [] : [type]
  }

  /** Shared by all who wait for it, so that none of their signals ends it. */
  #loadSchemaOnce(type: string): Promise<void> {
    let loading = this.#loading.get(type)
    if (loading === undefined) {
      loading = this.#loadSchema(type).finally(() => this.#loading.delete(type))
      this.#loading.set(type, loading)
    }
    return loading
  }

  /** A schema that is asked for again is wanted for a field that was added meanwhile. */
  async #loadSchema(type: string): Promise<void> {
    try {
      await this.readSchema(type, this.#schemas.has(type) ? 'latest' : 'session', {})
    } catch (error) {
      if (!isQError(error, 'unknown_type')) throw error
    }
  }
}

/** The path that a question is about; undefined for a field that is named directly. */
function pathOf({ of, field }: FieldQuestion): PathQuestion | undefined {
  return 'entityId' in of && field.includes('->') ? { entityId: of.entityId, path: field } : undefined
}
