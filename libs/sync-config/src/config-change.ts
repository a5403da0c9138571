import type { JsonValue } from '@qcore/json'

/** A change of a key. `value` is undefined if it was deleted, or expired; `previous` if it was not there. */
export interface ConfigChange {
  readonly key: string
  readonly value: JsonValue | undefined
  readonly previous: JsonValue | undefined
  /** All changes of one commit have the same. */
  readonly revision: number
  /** Who made it: what the writer said, else its role in PostgreSQL. Empty if a comparison found it. */
  readonly author: string
  /** The instance that made it. Empty for plain SQL. */
  readonly origin: string
}
