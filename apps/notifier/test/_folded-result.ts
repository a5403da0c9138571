import { QueryChangeKind, type QueriedEntity, type QueryChange } from '@qcore/contracts'

/** The result of a query as a subscriber has it, from nothing but what it was told. */
export class FoldedResult {
  readonly entities: QueriedEntity[] = []

  apply({ kind, entityId, entity, position, previousPosition }: QueryChange): void {
    if (kind !== QueryChangeKind.ENTER) {
      const [taken] = this.entities.splice(previousPosition, 1)
      if (taken?.entity?.id !== entityId) throw new Error(`${entityId} is not at ${previousPosition}`)
    }
    if (kind === QueryChangeKind.LEAVE) return
    if (entity?.entity?.id !== entityId) throw new Error(`${entityId} comes without itself`)
    if (position > this.entities.length) throw new Error(`${entityId} comes at ${position}, behind the end`)
    this.entities.splice(position, 0, entity)
  }
}
