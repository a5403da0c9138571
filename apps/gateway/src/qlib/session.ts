import type { Client } from '@qcore/client'
import type { QError } from '@qcore/errors'
import { PageCursors } from './page-cursors.ts'
import type { Dialect } from './message/dialect.ts'
import type { NotificationInit } from './notify/notification-init.ts'
import { NotificationInbox, type InboxBudget } from './notify/notification-inbox.ts'
import { Registrations } from './notify/registrations.ts'
import type { TreeChanges } from './notify/tree-changes.ts'
import type { ChoiceOptions } from './store/choice-options.ts'
import type { Store } from './store/store.ts'
import type { StoreProbe } from './store/store-probe.ts'
import type { Temporary } from './store/temporary.ts'
import { Turns } from './turns.ts'

/** What all sessions of a gateway share. */
export interface SessionShared {
  readonly choices: ChoiceOptions
  readonly probe: StoreProbe
  readonly budget: InboxBudget
  readonly tree: TreeChanges
}

export interface SessionOptions {
  readonly shared: SessionShared
  readonly dialect: Dialect
  /** Calls with the caller's token; it is closed with the session. */
  readonly client: Client
  readonly subject: string
  readonly temporary: Temporary
  /** Sends a notification; absent where clients ask for them. Resolves when the next one may follow. */
  readonly send?: (notification: NotificationInit) => Promise<void>
  /** The session cannot go on. */
  readonly onLost: (error: QError) => void
}

/** One client of qlib: what it calls with, and what it is notified of. */
export class Session implements AsyncDisposable {
  readonly dialect: Dialect
  readonly store: Store
  readonly registrations: Registrations
  readonly inbox: NotificationInbox
  readonly turns = new Turns()
  readonly cursors = new PageCursors()
  readonly probe: StoreProbe
  readonly temporary: Temporary
  readonly #client: Client

  constructor({ shared, dialect, client, subject, temporary, send, onLost }: SessionOptions) {
    this.dialect = dialect
    this.#client = client
    this.store = { client, subject, choices: shared.choices, package: dialect.package }
    this.probe = shared.probe
    this.temporary = temporary
    this.inbox = new NotificationInbox(shared.budget)
    const deliver = send ?? ((notification) => this.inbox.push(notification))
    this.registrations = new Registrations({ store: this.store, tree: shared.tree, deliver, onLost })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.inbox[Symbol.dispose]()
    await this.#client.close()
    await this.registrations[Symbol.asyncDispose]()
  }
}
