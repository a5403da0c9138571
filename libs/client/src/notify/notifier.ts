import { atEndOfTick } from '../calls/tick.ts'
import type { Caller } from '../calls/caller.ts'
import type { Session } from '../read/consistency.ts'
import { NotificationStream } from './notification-stream.ts'
import type { AnyNotification } from './notification.ts'
import { paceOf, type Pace } from './pace.ts'
import { Subscriber, type NotificationCallback, type NotifyOptions } from './subscriber.ts'
import { Subscription } from './subscription.ts'
import { WatchStream } from './watch-stream.ts'
import { subscriptionBytes, subscriptionMessage, type NotificationFor, type WatchTarget } from './watch-target.ts'

/** The most subscriptions that share a stream. */
const subscriptionsPerStream = 10_000
/** Keeps a request below what NATS carries, with room for headers and encoding. */
const bytesPerRequest = 700_000

/** How many notifications wait for the one who iterates before the store is held up. */
const bufferedNotifications = 256

interface Waiting {
  readonly subscriber: Subscriber
  readonly pace: Pace
  readonly begin: (stream: WatchStream) => void
}

/** Subscribes: the subscriptions of one tick share a stream. */
export class Notifier {
  readonly #context: { caller: Caller; session: Session }
  #waiting = new Map<string, Waiting[]>()

  constructor(context: { caller: Caller; session: Session }) {
    this.#context = context
  }

  /** Resolves when the subscription is live: who left before the first result of a query was there would resume without it. */
  async subscribe<Target extends WatchTarget>(
    target: Target,
    callback: NotificationCallback<NotificationFor<Target>>,
    options: NotifyOptions,
  ): Promise<Subscription> {
    const pace = paceOf(options)
    // The server tells of what the target asks for.
    const take = callback as NotificationCallback<AnyNotification>
    const subscriber = new Subscriber(subscriptionMessage(target), take, options, true)
    const stream = await new Promise<WatchStream>((resolve) => {
      const { revision, logId = '' } = options.resumeAfter ?? {}
      const key = `${revision ?? 'now'} ${logId} ${pace.isLatest} ${pace.minIntervalMs}`
      const waiting = this.#waiting.get(key)
      if (waiting !== undefined) {
        waiting.push({ subscriber, pace, begin: resolve })
        return
      }
      if (this.#waiting.size === 0) atEndOfTick(() => this.#open())
      this.#waiting.set(key, [{ subscriber, pace, begin: resolve }])
    })
    await subscriber.live
    return new Subscription(subscriber, stream)
  }

  /** A stream of its own: who iterates slowly holds up nobody else. Resolves when it is live. */
  async iterate<Target extends WatchTarget, Item>(
    target: Target,
    options: NotifyOptions,
    take: (notification: NotificationFor<Target>) => Item,
  ): Promise<NotificationStream<Item>> {
    const pace = paceOf(options)
    const notifications = new NotificationStream<Item>(pace.isLatest ? 1 : bufferedNotifications)
    const push = (each: AnyNotification): void | Promise<void> =>
      notifications.push(take(each as NotificationFor<Target>), stream.revision)
    const subscriber = new Subscriber(subscriptionMessage(target), push, options, false)
    const stream = new WatchStream(this.#context, [subscriber], { resumeAfter: options.resumeAfter, pace })
    void stream.run()
    await subscriber.live
    return notifications.follow(new Subscription(subscriber, stream, () => notifications.waitsAfter))
  }

  #open(): void {
    const waiting = this.#waiting
    this.#waiting = new Map()
    for (const group of waiting.values()) {
      for (const part of filled(group)) {
        const [first] = part
        if (first === undefined) continue
        const {
          pace,
          subscriber: { options },
        } = first
        const subscribers = part.map(({ subscriber }) => subscriber)
        const stream = new WatchStream(this.#context, subscribers, { resumeAfter: options.resumeAfter, pace })
        for (const { begin } of part) begin(stream)
        void stream.run()
      }
    }
  }
}

function* filled(waiting: readonly Waiting[]): Generator<Waiting[]> {
  let part: Waiting[] = []
  let bytes = 0
  for (const each of waiting) {
    const size = subscriptionBytes(each.subscriber.message)
    if (part.length > 0 && (part.length === subscriptionsPerStream || bytes + size > bytesPerRequest)) {
      yield part
      part = []
      bytes = 0
    }
    part.push(each)
    bytes += size
  }
  if (part.length > 0) yield part
}
