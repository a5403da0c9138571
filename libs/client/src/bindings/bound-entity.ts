import type { MoveTarget } from '../commit/commit-builder.ts'
import type { CommitResult } from '../commit/committer.ts'
import type { Subscription } from '../notify/subscription.ts'
import type { ReadOptions } from '../read/consistency.ts'
import type { Entity } from '../values/field.ts'
import type { BindingScope } from './binding-scope.ts'

/** An entity that need not have been read, and what can be done with it whatever its type. */
export abstract class BoundEntity<Written = Promise<CommitResult>> implements AsyncDisposable {
  readonly id: string
  protected readonly scope: BindingScope<Written>
  readonly #subscriptions = new Set<Subscription>()

  constructor(scope: BindingScope<Written>, id: string) {
    this.scope = scope
    this.id = id
  }

  /** Reads the entity. Throws `unknown_entity`. */
  get(options: ReadOptions = {}): Promise<Entity> {
    return this.scope.entity(this.id, options)
  }

  /** Gives the entity another name: at once, or in a multi when that is committed. */
  rename(name: string): Written {
    return this.scope.rename(this.id, name)
  }

  /** Gives the entity, with its descendants, another parent or place. */
  move(target: MoveTarget): Written {
    return this.scope.move(this.id, target)
  }

  /** Deletes the entity and its descendants: at once, or in a multi when that is committed. */
  delete(): Written {
    return this.scope.delete(this.id)
  }

  /** Ends all subscriptions that were made through this binding. */
  async unbind(): Promise<void> {
    const subscriptions = [...this.#subscriptions]
    this.#subscriptions.clear()
    await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()))
  }

  /** The same as `unbind`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.unbind()
  }

  protected keep(subscription: Subscription): void {
    this.#subscriptions.add(subscription)
    const forget = (): boolean => this.#subscriptions.delete(subscription)
    subscription.closed.then(forget, forget)
  }
}
