import type { ConfigRow } from '@qcore/database'
import type { PresentConfig, PresentEntry } from '@qcore/sync-config'

/** The configuration as the commits of a group see it: what was loaded, under what the group has changed. */
export class ConfigState {
  /** What the group changes, in order. */
  readonly rows: ConfigRow[] = []
  readonly #present: PresentConfig
  readonly #changed = new Map<string, PresentEntry | undefined>()
  #revision: number

  constructor(present: PresentConfig) {
    this.#present = present
    this.#revision = present.revision
  }

  /** Identifies the configuration. */
  get id(): string {
    return this.#present.storeId
  }

  /** A key as it is now; also one whose time is over, as long as it is not deleted. */
  entry(key: string): PresentEntry | undefined {
    return this.#changed.has(key) ? this.#changed.get(key) : this.#present.entries.get(key)
  }

  /** Changes a key, at the revision of the configuration that all changes of one commit have. Returns that, and how to undo it. */
  change(row: Omit<ConfigRow, 'configRevision'>): { configRevision: number; undo: () => void } {
    const { length } = this.rows
    const { key, text, expiresUs } = row
    const revisionBefore = this.#revision
    const before = this.entry(key)
    if (this.rows.at(-1)?.revision !== row.revision) this.#revision += 1
    const configRevision = this.#revision
    this.rows.push({ ...row, configRevision })
    const facts = { revision: configRevision, expires: expiresUs !== undefined, isVisible: true }
    this.#changed.set(key, text === undefined ? undefined : { ...facts, text })
    const undo = (): void => {
      this.rows.length = length
      this.#revision = revisionBefore
      this.#changed.set(key, before)
    }
    return { configRevision, undo }
  }
}
