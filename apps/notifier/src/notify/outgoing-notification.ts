import { create } from '@bufbuild/protobuf'
import {
  ContextFieldSchema,
  NotificationSchema,
  ProblemSchema,
  type ContextField,
  type Notification,
  type WatchResponse,
} from '@qcore/contracts'
import type { NotifiedChange } from '../match/notified-change.ts'
import type { FieldPath } from '@qcore/model'
import type { WatchContext } from '../match/subscription-group.ts'
import { fieldBytes } from './notification-size.ts'
import type { ContextResolver } from './context-resolver.ts'

/**
 * What a notification may take in a message: below the megabyte of NATS. The two values of the change are below the
 * limit of a commit, which leaves room for small context fields; larger ones give way to a problem.
 */
export const mostNotificationBytes = 983_040

/** A notification on its way; streams that get the same one share it. Its context may still be missing. */
export class OutgoingNotification {
  /** Whether the filter lets it pass; known when `ready` has settled. */
  isWanted = true
  readonly message: Notification
  bytes: number
  /** Settles when the context is there; undefined if it is. */
  readonly ready: Promise<void> | undefined
  /** The response that carries only this notification, once it was made. */
  soleResponse: WatchResponse | undefined

  constructor(change: NotifiedChange, positions: readonly number[], context: WatchContext, resolver: ContextResolver) {
    const message = create(NotificationSchema)
    message.subscriptions = [...positions]
    this.message = message
    this.bytes = 16 + 3 * positions.length + change.fill(message, context.grants, resolver)
    if (context.paths.length > 0) this.ready = this.#readContext(change, context, resolver)
    else this.#decide(change, context)
  }

  #readContext(change: NotifiedChange, context: WatchContext, resolver: ContextResolver): Promise<void> | undefined {
    const fields = context.paths.map((path) => resolver.resolve(change.entityId, path, context.grants))
    const take = (present: readonly ContextField[]): void => {
      this.#takeContext(present)
      this.#decide(change, context, present)
    }
    if (allPresent(fields)) {
      take(fields)
      return undefined
    }
    return Promise.all(fields.map(async (field) => field)).then(take)
  }

  #decide(change: NotifiedChange, { filter, paths }: WatchContext, fields: readonly ContextField[] = []): void {
    if (filter === undefined) return
    const context = new Map(fields.map((field, index) => [pathText(paths[index]), field]))
    const result = filter.evaluate(change.filterInputs, context)
    if (typeof result === 'boolean') {
      this.isWanted = result
      return
    }
    this.message.filterProblem = result
    this.bytes += 32 + 3 * (result.code.length + result.message.length)
  }

  #takeContext(fields: readonly ContextField[]): void {
    this.message.context = fields.map((field) => {
      const bytes = contextBytes(field)
      const fits = this.bytes + bytes <= mostNotificationBytes
      this.bytes += fits ? bytes : contextBytes(tooLarge)
      return fits ? field : tooLarge
    })
  }
}

function pathText(path: FieldPath | undefined): string {
  return path === undefined ? '' : [...path.steps, path.field].join('->')
}

function allPresent(fields: readonly (ContextField | Promise<ContextField>)[]): fields is readonly ContextField[] {
  return fields.every((field) => !(field instanceof Promise))
}

function contextBytes({ outcome }: ContextField): number {
  switch (outcome.case) {
    case 'field':
      return 8 + fieldBytes(outcome.value)
    case 'problem':
      return 32 + 3 * (outcome.value.code.length + outcome.value.message.length + outcome.value.field.length)
    default:
      return 8
  }
}

const tooLarge = create(ContextFieldSchema, {
  outcome: {
    case: 'problem',
    value: create(ProblemSchema, {
      code: 'payload_too_large',
      message: 'with this field the notification would be larger than a message may be',
    }),
  },
})
