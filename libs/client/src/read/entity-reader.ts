import { create } from '@bufbuild/protobuf'
import { GetEntitiesRequestSchema, ReadService, type EntityResult } from '@qcore/contracts'
import type { Caller } from '../calls/caller.ts'
import type { ReadOptions, Session } from './consistency.ts'
import { ReadBatcher } from './read-batcher.ts'

/** The most entities of one request. */
const entitiesPerRequest = 1_000

/** Reads entities by id: those of one tick in one request. */
export class EntityReader {
  readonly #batcher: ReadBatcher<string, EntityResult>

  constructor(caller: Caller, session: Session) {
    this.#batcher = new ReadBatcher(caller, session, {
      list: 'entity_ids',
      sizeOf: (id) => id.length + 2,
      send: async (entityIds, consistency, call) => {
        const request = create(GetEntitiesRequestSchema)
        request.entityIds = entityIds
        if (consistency !== undefined) request.consistency = consistency
        const { revision, results } = await caller.attempt(ReadService.method.getEntities, request, call)
        return { revision: Number(revision), results }
      },
    })
  }

  /** One result an id, in order. */
  async read(ids: readonly string[], options: ReadOptions): Promise<EntityResult[]> {
    const requests: Promise<{ results: readonly EntityResult[] }>[] = []
    for (let start = 0; start < ids.length; start += entitiesPerRequest) {
      requests.push(this.#batcher.read(ids.slice(start, start + entitiesPerRequest), options))
    }
    return (await Promise.all(requests)).flatMap(({ results }) => results)
  }
}
