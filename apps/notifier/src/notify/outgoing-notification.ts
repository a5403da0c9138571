import { create } from '@bufbuild/protobuf'
import {
  ContextFieldSchema,
  NotificationSchema,
  ProblemSchema,
  type ContextField,
  type Notification,
  type WatchResponse,
} from '@qcore/contracts'
import type { FieldWrite } from '../match/field-write.ts'
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
  readonly message: Notification
  bytes: number
  /** Settles when the context is there; undefined if it is. */
  readonly ready: Promise<void> | undefined
  /** The response that carries only this notification, once it was made. */
  soleResponse: WatchResponse | undefined

  constructor(write: FieldWrite, positions: readonly number[], context: WatchContext, resolver: ContextResolver) {
    const message = create(NotificationSchema)
    message.subscriptions = [...positions]
    message.current = write.current
    if (write.previous !== undefined) message.previous = write.previous
    this.message = message
    this.bytes = 16 + 3 * positions.length + fieldBytes(message.current) + fieldBytes(message.previous)
    if (context.paths.length > 0) this.ready = this.#readContext(write.entityId, context, resolver)
  }

  #readContext(
    entityId: string,
    { paths, grants }: WatchContext,
    resolver: ContextResolver,
  ): Promise<void> | undefined {
    const fields = paths.map((path) => resolver.resolve(entityId, path, grants))
    if (allPresent(fields)) {
      this.#takeContext(fields)
      return undefined
    }
    return Promise.all(fields.map(async (field) => field)).then((loaded) => this.#takeContext(loaded))
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
