import { hash } from 'node:crypto'
import { choice, isQError, QError, type Client, type Entity } from '@qcore/client'
import { serviceSchema } from './service-schema.ts'

/** How an application without an entity of its own gets one. */
interface NewService {
  readonly application: string
  /** The level to begin with. */
  readonly logLevel: string
}

/** Finds the Service entity of an application: of several, the oldest. Creates it under the root if there is none. */
export async function findOrCreateService(q: Client, service: NewService, signal: AbortSignal): Promise<Entity> {
  const found = await findService(q, service.application, signal)
  if (found !== undefined) return found
  const { application, logLevel } = service
  // Two instances that start at once create the same one.
  const id = `service-${hash('sha256', application).slice(0, 40)}`
  const fields = { ApplicationName: application, LogLevel: choice(logLevel) }
  try {
    const parent = await q.root({ signal })
    return await q.create(
      serviceSchema.type,
      { parent, name: application.replaceAll('->', '-'), id, fields },
      { signal },
    )
  } catch (error) {
    if (!isQError(error, 'entity_exists')) throw error
  }
  const theirs = await q.read(id, 'ApplicationName', { signal, consistency: 'latest' })
  if (theirs.value === application) return q.get(id, { signal })
  throw new QError('entity_exists', `the entity ${id} is not that of ${application}`)
}

async function findService(q: Client, application: string, signal: AbortSignal): Promise<Entity | undefined> {
  let oldest: Entity | undefined
  const query = { where: { ApplicationName: application } }
  for await (const { id, type, name, parentId, createdRevision } of q.find(serviceSchema.type, query, { signal })) {
    if (oldest === undefined || createdRevision < oldest.createdRevision) {
      oldest = { id, type, name, parentId, createdRevision }
    }
  }
  return oldest
}
