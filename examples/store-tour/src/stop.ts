import type { Client, Entity } from '@qcore/client'

/** What a stop of the tour works with. */
export interface Stop {
  readonly q: Client
  /** Where its entities are kept. */
  readonly folder: Entity
  readonly print: (line: string) => void
}
