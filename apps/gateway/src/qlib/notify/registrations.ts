import { isQError, type Field, type MissingField, type Notification, type Subscription } from '@qcore/client'
import { QError, type ErrorCode } from '@qcore/errors'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { create } from '@bufbuild/protobuf'
import { schemaTrigger } from '../store/announcement.ts'
import type { Store } from '../store/store.ts'
import { wireField } from '../store/wire-field.ts'
import { Announcer } from './announcer.ts'
import { targetOf, type NotificationConfig } from './notification-config.ts'
import type { NotificationField, NotificationInit } from './notification-init.ts'
import type { TreeChanges } from './tree-changes.ts'

/** Registrations of one client. */
const mostRegistrations = 10_000

/** After these a subscription begins anew: the history it followed, or the field, is another one. */
const beginsAnew: ReadonlySet<ErrorCode> = new Set(['log_replaced', 'schema_changed'])

interface Registration {
  readonly token: string
  readonly config: NotificationConfig
  readonly subscription: Subscription
  /** Of the trigger of the root: what tells it of changes of the tree. */
  readonly tree: Disposable | undefined
}

export interface RegistrationsOptions {
  readonly store: Store
  readonly tree: TreeChanges
  /** Hands a notification on. The next one waits for it. */
  readonly deliver: (notification: NotificationInit) => Promise<void>
  /** A registration cannot go on: the client has to begin anew. */
  readonly onLost: (error: QError) => void
}

/** What one client is notified of, by token. */
export class Registrations implements AsyncDisposable {
  readonly #options: RegistrationsOptions
  readonly #byToken = new Map<string, Promise<Registration>>()
  #isClosed = false

  constructor(options: RegistrationsOptions) {
    this.#options = options
  }

  /** Registers, unless that is done already. Resolves when everything that is written from then on is notified. */
  async register(token: string, config: NotificationConfig): Promise<void> {
    const known = this.#byToken.get(token)
    if (known === undefined && this.#byToken.size >= mostRegistrations) {
      throw new QError('overloaded', `a client has at most ${mostRegistrations} registrations`)
    }
    const registering = known ?? this.#subscribe(token, config)
    this.#byToken.set(token, registering)
    try {
      await registering
    } catch (error) {
      if (this.#byToken.get(token) === registering) this.#byToken.delete(token)
      throw error
    }
  }

  /** Ends a registration. What is not registered is ended already. */
  async unregister(token: string): Promise<void> {
    const registering = this.#byToken.get(token)
    this.#byToken.delete(token)
    // One that failed was told so, and has nothing to end.
    const registration = await registering?.catch(() => undefined)
    if (registration !== undefined) await end(registration)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const all = await Promise.allSettled(this.#byToken.values())
    this.#byToken.clear()
    for (const one of all) if (one.status === 'fulfilled') await end(one.value)
  }

  async #subscribe(token: string, config: NotificationConfig): Promise<Registration> {
    const { store, deliver } = this.#options
    const subscription = await store.client.notify(targetOf(config), async (notification) => {
      await deliver(await this.#message(token, config, notification))
    })
    try {
      const tree = await this.#followTree(token, config)
      const registration = { token, config, subscription, tree }
      subscription.closed.catch((error: unknown) => this.#recover(registration, error))
      return registration
    } catch (error) {
      await subscription.unsubscribe()
      throw error
    }
  }

  /** Whoever is told of the trigger of the root is told of all changes of the tree, whoever makes them. */
  async #followTree(token: string, config: NotificationConfig): Promise<Disposable | undefined> {
    const { store, tree } = this.#options
    if (config.field !== schemaTrigger || config.notifyOnChange) return undefined
    const root = await store.client.root()
    if (config.id === '' ? config.type !== root.type : config.id !== root.id) return undefined
    using opened = new DisposableStack()
    const announcer = opened.use(new Announcer(() => this.#announceAnew(token, config)))
    opened.use(await tree.listen(announcer.announce))
    return opened.move()
  }

  /** Subscribes again where that helps; otherwise the client is told. */
  #recover({ token, config, tree }: Registration, error: unknown): void {
    tree?.[Symbol.dispose]()
    if (this.#isClosed || !this.#byToken.has(token)) return
    if (!isQError(error) || !beginsAnew.has(error.code)) {
      this.#options.onLost(isQError(error) ? error : new QError('internal', 'a subscription failed', { cause: error }))
      return
    }
    const again = this.#subscribe(token, config)
    this.#byToken.set(token, again)
    again
      .then(() => this.#announceAnew(token, config))
      .catch((refusal: unknown) => {
        if (this.#byToken.get(token) !== again) return
        this.#byToken.delete(token)
        this.#options.onLost(isQError(refusal) ? refusal : error)
      })
  }

  /** What was written in between is lost, and may have been the very word that everything is to be read again. */
  async #announceAnew(token: string, config: NotificationConfig): Promise<void> {
    if (config.field !== schemaTrigger) return
    const { store, deliver } = this.#options
    const root = await store.client.root()
    const current = await this.#field(await store.client.read(root.id, schemaTrigger))
    const context = await Promise.all(config.contextFields.map((path) => this.#rootContext(root.id, path)))
    await deliver({ token, current, previous: current, context, serviceId: config.serviceId })
  }

  async #message(token: string, { serviceId, contextFields }: NotificationConfig, notification: Notification) {
    const { current, previous, context, entityId, name } = notification
    const missing = { id: entityId, name, writeTime: create(TimestampSchema), writerId: '' }
    const [now, before, ...more] = await Promise.all([
      this.#field(current),
      previous === undefined ? missing : this.#field(previous),
      ...context.map((field, index) => this.#contextField(field, { ...missing, name: contextFields[index] ?? '' })),
    ])
    return { token, current: now, previous: before, context: more, serviceId }
  }

  async #rootContext(rootId: string, path: string): Promise<NotificationField> {
    const missing = { id: rootId, name: path, writeTime: create(TimestampSchema), writerId: '' }
    const field = await this.#options.store.client.read(rootId, path).catch(() => undefined)
    return field === undefined ? missing : this.#field(field)
  }

  /** A field that cannot be read keeps its place, without a value. */
  #contextField(field: Field | MissingField, missing: NotificationField): Promise<NotificationField> {
    return field.value === undefined ? Promise.resolve(missing) : this.#field(field)
  }

  async #field(field: Field): Promise<NotificationField> {
    return { id: field.entityId, name: field.name, ...(await wireField(this.#options.store, field)) }
  }
}

async function end({ subscription, tree }: Registration): Promise<void> {
  tree?.[Symbol.dispose]()
  await subscription.unsubscribe()
}
