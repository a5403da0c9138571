import { QError } from '@qcore/errors'
import type { EntityState } from '@qcore/model'
import { checkPath, valueAt, type CheckedPath } from '@qcore/query'
import type { EntitySource, PresentTypes, TypeRegistry } from '@qcore/replica'
import type { NotifiedChange } from '../match/notified-change.ts'
import type { SubscriptionGroup } from '../match/subscription-group.ts'
import { fieldBytes } from '../notify/notification-size.ts'
import { fieldFound } from './field-found.ts'
import { PathEvent, type PathEnd } from './path-event.ts'
import { Tracker, type Transition } from './tracker.ts'
import { visibleTypes } from './visible-types.ts'

type TrackerParts = ConstructorParameters<typeof Tracker<PathEnd>>

/** Follows a path from an entity, or from every entity of a type. */
export class PathTracker extends Tracker<PathEnd> {
  readonly #path: string
  readonly #type: string
  readonly #group: SubscriptionGroup<unknown>
  #checked: CheckedPath | undefined

  /** @param type of the entities */
  constructor(group: SubscriptionGroup<unknown>, type: string, ...parts: TrackerParts) {
    super(...parts)
    this.#path = group.field
    this.#type = type
    this.#group = group
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#path.split('->'))
  }

  check(registry: TypeRegistry, present: PresentTypes): void {
    const types = visibleTypes(registry, present, this.grants)
    const type = types.get(this.#type)
    if (type === undefined) throw new QError('unknown_type', `there is no type ${this.#type}`, { field: this.field })
    this.#checked = checkPath(this.#path, { type, types, field: this.field })
  }

  dependsOnType(): boolean {
    return true
  }

  protected compute(entity: EntityState, source: EntitySource): PathEnd | undefined {
    if (this.#checked === undefined) throw new Error('the path was not checked')
    const entityIds = [entity.id]
    const followed = {
      entity: (id: string) => {
        entityIds.push(id)
        return source.entity(id)
      },
      children: (id: string) => source.children(id),
      type: (name: string) => source.type(name),
    }
    const found = valueAt(this.#checked, entity, followed)
    if (found === undefined) return undefined
    if (found === null) return { entityIds: [], field: undefined }
    return { entityIds, field: fieldFound(found, this.#checked.name, true) }
  }

  protected bytesOf({ entityIds, field }: PathEnd): number {
    return 64 * entityIds.length + fieldBytes(field)
  }

  positionsFor({ changed }: NotifiedChange): readonly number[] {
    return (changed ? this.#group.whenChanged : this.#group.whenSame)?.positions ?? []
  }

  protected take(transitions: readonly Transition<PathEnd>[]): NotifiedChange[] {
    return transitions.flatMap(({ entityId, before, after }) => {
      // As of fields: that the entity itself was deleted is not told.
      if (after === undefined) return []
      const event = new PathEvent(entityId, this.#path, { before, after })
      return event.changed || (this.#group.whenSame !== undefined && event.isWrite) ? [event] : []
    })
  }
}
