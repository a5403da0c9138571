import { create } from '@bufbuild/protobuf'
import { CheckExistsRequestSchema, ExistsQuestionSchema, ReadService, type ExistsQuestion } from '@qcore/contracts'
import type { Caller } from '../calls/caller.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'
import type { ReadOptions, Session } from './consistency.ts'
import { ReadBatcher } from './read-batcher.ts'

/** What to look for: an entity, a type, or a field of a type. */
export type ExistsInput = EntityRef | { readonly type: string; readonly field?: string }

/** Tells whether things exist: those asked for in one tick in one request. */
export class ExistsReader {
  readonly #batcher: ReadBatcher<ExistsQuestion, boolean>

  constructor(caller: Caller, session: Session) {
    this.#batcher = new ReadBatcher(caller, session, {
      list: 'questions',
      sizeOf: () => 160,
      send: async (questions, consistency, call) => {
        const request = create(CheckExistsRequestSchema)
        request.questions = questions
        if (consistency !== undefined) request.consistency = consistency
        const { revision, exists } = await caller.attempt(ReadService.method.checkExists, request, call)
        return { revision: Number(revision), results: exists }
      },
    })
  }

  async read(input: ExistsInput, options: ReadOptions): Promise<boolean> {
    const { results } = await this.#batcher.read([questionOf(input)], options)
    return results[0] ?? false
  }
}

function questionOf(input: ExistsInput): ExistsQuestion {
  if (typeof input === 'string' || 'id' in input) {
    return create(ExistsQuestionSchema, { subject: { case: 'entityId', value: idOf(input) } })
  }
  const { type, field } = input
  return create(ExistsQuestionSchema, {
    subject: field === undefined ? { case: 'type', value: type } : { case: 'typeField', value: { type, field } },
  })
}
