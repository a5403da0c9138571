import type { CommitResult } from '../commit/committer.ts'
import type { FieldSpec, LinkOf } from '../schema/field-spec.ts'
import { idOf, type EntityRef } from '../values/value-input.ts'
import { FieldBinding } from './field-binding.ts'

/** An EntityList of an entity. */
export class ListBinding<Spec extends FieldSpec, Written = Promise<CommitResult>> extends FieldBinding<Spec, Written> {
  /** Adds entities at the end; one that is in the list stays where it is. Nobody else's change is lost. */
  add(...entities: readonly LinkOf<Spec>[]): Written {
    return this.#edit('add', entities)
  }

  /** Removes entities; the others keep their order. Nobody else's change is lost. */
  remove(...entities: readonly LinkOf<Spec>[]): Written {
    return this.#edit('remove', entities)
  }

  #edit(kind: 'add' | 'remove', entities: readonly EntityRef[]): Written {
    return this.origin.scope.editList(this.entityId, this.name, { kind, entityIds: entities.map(idOf) })
  }
}
