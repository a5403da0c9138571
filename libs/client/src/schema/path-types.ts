import { create } from '@bufbuild/protobuf'
import { ReadFieldsRequestSchema, ReadService } from '@qcore/contracts'
import { RecentMap } from '@qcore/model'
import type { CallOptions, Caller } from '../calls/caller.ts'
import type { Session } from '../read/consistency.ts'
import { typeOfCase, type FieldType } from '../values/field-type.ts'

/** A field that is named by a path from an entity. */
export interface PathQuestion {
  readonly entityId: string
  readonly path: string
}

/** How many paths' types are remembered. */
const rememberedPaths = 16_384
const readsPerRequest = 1_000

/**
 * Remembers what type is at the end of paths. That may change, for references do: a value of the wrong type is then refused
 * by the writer, what is remembered is forgotten, and asked for again.
 */
export class PathTypes {
  readonly #caller: Caller
  readonly #session: Session
  readonly #types = new RecentMap<FieldType>(rememberedPaths)

  constructor(caller: Caller, session: Session) {
    this.#caller = caller
    this.#session = session
  }

  typeOf(question: PathQuestion): FieldType | undefined {
    return this.#types.get(keyOf(question))
  }

  /** Reads what is not remembered. A path that leads nowhere is not an error here. */
  async load(questions: readonly PathQuestion[], options: CallOptions): Promise<void> {
    const missing = questions.filter((question) => this.typeOf(question) === undefined)
    for (let from = 0; from < missing.length; from += readsPerRequest) {
      const part = missing.slice(from, from + readsPerRequest)
      const consistency = this.#session.demand('session')
      const request = create(ReadFieldsRequestSchema, {
        reads: part.map(({ entityId, path }) => ({ entityId, path })),
        ...(consistency === undefined ? {} : { consistency }),
      })
      const { results } = await this.#caller.call(ReadService.method.readFields, request, options)
      for (const [index, question] of part.entries()) {
        const outcome = results[index]?.outcome
        const kind = outcome?.case === 'field' ? outcome.value.value?.kind.case : undefined
        if (kind !== undefined) this.#types.set(keyOf(question), typeOfCase[kind])
      }
    }
  }

  forget(question: PathQuestion): void {
    this.#types.delete(keyOf(question))
  }
}

function keyOf({ entityId, path }: PathQuestion): string {
  return `${entityId} ${path}`
}
