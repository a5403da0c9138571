import type { LogFeed, LogFollower, LogRecord } from '@qcore/replica'
import type { LiveStreams } from './live-streams.ts'

/** Hands the commits that a replica has applied to the streams, once there can be any. */
export class StreamFollower implements LogFollower {
  #target: { live: LiveStreams; feed: Pick<LogFeed, 'logId'>; logId: string } | undefined

  follow(live: LiveStreams, feed: Pick<LogFeed, 'logId'>): void {
    this.#target = { live, feed, logId: feed.logId }
  }

  apply(record: LogRecord): void {
    this.#target?.live.apply(record)
  }

  onReplaced(): void {
    if (this.#target === undefined) return
    const { live, feed, logId } = this.#target
    if (feed.logId === logId) {
      live.endAll({ code: 'unavailable', message: 'this notifier fell behind the log and starts over' })
    } else {
      live.endAll({ code: 'log_replaced', message: `the history ${logId} was replaced by ${feed.logId}` })
    }
    this.#target.logId = feed.logId
  }
}
