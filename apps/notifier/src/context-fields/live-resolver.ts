import type { ContextField } from '@qcore/contracts'
import type { FieldPath } from '@qcore/model'
import { resolvePath, type EntitySource, type Past, type Replica } from '@qcore/replica'
import type { ContextResolver } from '../notify/context-resolver.ts'
import { contextField } from './context-field.ts'
import { ObservedSource } from './observed-source.ts'
import { PastEntities } from './past-entities.ts'

export interface LiveResolverOptions {
  replica: Pick<Replica, 'read' | 'feed'>
  past: Past
  /** Ends loads when the notifier stops. */
  readonly signal: AbortSignal
}

interface Reading {
  readonly field: ContextField | undefined
  /** Whether it is also what the revision of the change held, although the replica has gone on. */
  readonly isOfRevision: boolean
}

/**
 * Reads context fields right after the newest commit that the replica has applied. What is cached is read at once, which
 * is exact. What has to be loaded may be newer then: if it is, the past is asked.
 */
export class LiveResolver implements ContextResolver {
  readonly #revision: number
  readonly #options: LiveResolverOptions
  /** Streams share paths; each is read once a commit. */
  readonly #known = new Map<string, ContextField | Promise<ContextField>>()

  /** @param revision of the commit that is being applied */
  constructor(revision: number, options: LiveResolverOptions) {
    this.#revision = revision
    this.#options = options
  }

  resolve(entityId: string, path: FieldPath): ContextField | Promise<ContextField> {
    const key = `${entityId} ${path.steps.join('->')} ${path.field}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const field = this.#read(entityId, path)
    this.#known.set(key, field)
    return field
  }

  #read(entityId: string, path: FieldPath): ContextField | Promise<ContextField> {
    const { replica } = this.#options
    let isLater = false
    const reading = replica.read((source) => this.#attempt(source, { entityId, path, isLater }), this.#options)
    isLater = true
    if (reading instanceof Promise) return reading.then((late) => this.#checked(late, entityId, path))
    return reading.field ?? this.#checked(reading, entityId, path)
  }

  #attempt(source: EntitySource, read: { entityId: string; path: FieldPath; isLater: boolean }): Reading {
    const observed = read.isLater ? new ObservedSource(source) : undefined
    const target = resolvePath(observed ?? source, read.entityId, read.path)
    const field = target === undefined ? undefined : contextField(target)
    // Known only now that the field was read.
    const newest = Math.min(observed?.newestRevision ?? 0, this.#options.replica.feed.appliedRevision)
    return { field, isOfRevision: newest <= this.#revision }
  }

  async #checked({ field, isOfRevision }: Reading, entityId: string, path: FieldPath): Promise<ContextField> {
    if (field !== undefined && isOfRevision) return field
    return new PastEntities(this.#options.past, this.#revision).read(entityId, path)
  }
}
