import type { ContextField } from '@qcore/contracts'
import { allGrants, type FieldPath, type Grants, type TypeModel } from '@qcore/model'
import {
  resolvePath,
  visibleSource,
  type EntitySource,
  type Past,
  type PresentTypes,
  type Replica,
} from '@qcore/replica'
import type { RevisionReader } from '../notify/context-resolver.ts'
import { contextField } from './context-field.ts'
import type { ContextRead } from './context-read.ts'
import { ObservedSource } from './observed-source.ts'
import { PastEntities } from './past-entities.ts'

export interface LiveResolverOptions {
  replica: Pick<Replica, 'read' | 'feed' | 'types'>
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
export class LiveResolver implements RevisionReader {
  readonly #revision: number
  readonly #options: LiveResolverOptions
  /** Streams share paths; each is read once a commit. */
  readonly #known = new Map<Grants, Map<string, ContextField | Promise<ContextField>>>()

  /** @param revision of the commit that is being applied */
  constructor(revision: number, options: LiveResolverOptions) {
    this.#revision = revision
    this.#options = options
  }

  resolve(entityId: string, path: FieldPath, holder: Grants): ContextField | Promise<ContextField> {
    // Where nothing is restricted all see the same.
    const grants = this.#options.replica.types?.isRestricted === false ? allGrants : holder
    const key = `${entityId} ${path.steps.join('->')} ${path.field}`
    let ofHolder = this.#known.get(grants)
    if (ofHolder === undefined) this.#known.set(grants, (ofHolder = new Map()))
    const known = ofHolder.get(key)
    if (known !== undefined) return known
    const field = this.#read({ entityId, path, grants })
    ofHolder.set(key, field)
    return field
  }

  read<T>(attempt: (source: EntitySource) => T | undefined): T | Promise<T> {
    const { replica, past } = this.#options
    let isLater = this.#isPast
    const reading = replica.read((source) => {
      const observed = isLater ? new ObservedSource(source) : undefined
      const result = attempt(observed ?? source)
      const newest = Math.min(observed?.newestRevision ?? 0, replica.feed.appliedRevision)
      return newest <= this.#revision ? result : undefined
    }, this.#options)
    isLater = true
    const fromPast = (): Promise<T> => new PastEntities(past, this.#revision).attempt(attempt)
    if (!(reading instanceof Promise)) return reading ?? fromPast()
    return reading.then(async (late) => late ?? (await fromPast()))
  }

  get present(): PresentTypes | undefined {
    return this.#options.replica.types
  }

  /** Those of the newest commit, which is the change's as long as nothing has been waited for. */
  typeThen = (name: string): TypeModel | undefined => this.#options.replica.types?.get(name)

  /** Whether the store has gone on: while a commit is being applied, it counts as applied not yet. */
  get #isPast(): boolean {
    return this.#options.replica.feed.appliedRevision > this.#revision
  }

  #read(read: ContextRead): ContextField | Promise<ContextField> {
    const { replica } = this.#options
    let isLater = this.#isPast
    const reading = replica.read((source, types) => this.#attempt(source, types, { ...read, isLater }), this.#options)
    isLater = true
    if (reading instanceof Promise) return reading.then((late) => this.#checked(late, read))
    return reading.field !== undefined && reading.isOfRevision ? reading.field : this.#checked(reading, read)
  }

  #attempt(source: EntitySource, types: PresentTypes, read: ContextRead & { isLater: boolean }): Reading {
    const observed = read.isLater ? new ObservedSource(source) : undefined
    const visible = visibleSource(observed ?? source, types, read.grants)
    const target = resolvePath(visible, read.entityId, read.path)
    const field = target === undefined ? undefined : contextField(target)
    // Known only now that the field was read.
    const newest = Math.min(observed?.newestRevision ?? 0, this.#options.replica.feed.appliedRevision)
    return { field, isOfRevision: newest <= this.#revision }
  }

  async #checked({ field, isOfRevision }: Reading, read: ContextRead): Promise<ContextField> {
    if (field !== undefined && isOfRevision) return field
    const { past, replica } = this.#options
    return new PastEntities(past, this.#revision).read(read, replica.types)
  }
}
