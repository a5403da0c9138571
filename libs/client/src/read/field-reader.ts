import { create } from '@bufbuild/protobuf'
import {
  FieldReadSchema,
  ReadFieldsRequestSchema,
  ReadService,
  type FieldRead,
  type FieldResult,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Caller } from '../calls/caller.ts'
import { errorFromProblem } from '../calls/problem.ts'
import { fieldFromMessage, type Field } from '../values/field.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'
import type { ReadOptions, Session } from './consistency.ts'
import { ReadBatcher } from './read-batcher.ts'

/** The most fields of one answer: all of them belong to one revision. */
const fieldsPerRead = 1_000

/** What a field's message takes besides its texts, in bytes. */
const framingBytes = 8

/** A field of an entity, or a path that ends in one. */
export interface FieldRef {
  readonly entity: EntityRef
  readonly path: string
}

/** Reads fields: those of one tick in one request. */
export class FieldReader {
  readonly #batcher: ReadBatcher<FieldRead, FieldResult>

  constructor(caller: Caller, session: Session) {
    this.#batcher = new ReadBatcher(caller, session, {
      list: 'reads',
      sizeOf: ({ entityId, path }) => entityId.length + path.length * 2 + framingBytes,
      send: async (reads, consistency, call) => {
        const request = create(ReadFieldsRequestSchema)
        request.reads = reads
        if (consistency !== undefined) request.consistency = consistency
        const { revision, results } = await caller.attempt(ReadService.method.readFields, request, call)
        return { revision: Number(revision), results }
      },
    })
  }

  /** Throws the QError of the field. */
  async readOne(entity: EntityRef, path: string, options: ReadOptions): Promise<Field> {
    const read = fieldRead(entity, path)
    const { results } = await this.#batcher.read([read], options)
    return fieldOf(results[0], read)
  }

  /** Throws the QError of the first field that has one. */
  async readMany(reads: readonly FieldRef[], options: ReadOptions): Promise<{ revision: number; fields: Field[] }> {
    if (reads.length === 0) return { revision: 0, fields: [] }
    if (reads.length > fieldsPerRead) {
      throw new QError('invalid_request', `one answer has at most ${fieldsPerRead} fields`, { field: 'reads' })
    }
    const parts = reads.map(({ entity, path }) => fieldRead(entity, path))
    const { revision, results } = await this.#batcher.read(parts, options)
    return { revision, fields: parts.map((part, index) => fieldOf(results[index], part)) }
  }
}

function fieldRead(entity: EntityRef, path: string): FieldRead {
  const read = create(FieldReadSchema)
  read.entityId = idOf(entity)
  read.path = path
  return read
}

function fieldOf(result: FieldResult | undefined, { entityId, path }: FieldRead): Field {
  const outcome = result?.outcome
  if (outcome?.case === 'field') return fieldFromMessage(outcome.value, { entityId, name: path })
  if (outcome?.case === 'problem') throw errorFromProblem(outcome.value)
  throw new QError('internal', 'the answer has too few results')
}
