import type { ConfigFollower, ConfigWatchPoint } from './config-follower.ts'

/** A watch of the configuration. */
export class ConfigSubscription implements AsyncDisposable {
  /** Resolved when the watch was closed, rejected with what ended it. */
  readonly ended: Promise<void>
  readonly #follower: ConfigFollower

  constructor(follower: ConfigFollower, running: Promise<void>) {
    this.#follower = follower
    this.ended = running
    // Whoever asks is told.
    running.catch(() => undefined)
  }

  /** The revision of the configuration of which everything was handled. */
  get revision(): number {
    return this.#follower.point.revision
  }

  /** What `from` of a later watch takes. */
  get point(): Required<ConfigWatchPoint> {
    return this.#follower.point
  }

  /** No callback begins after this. */
  async close(): Promise<void> {
    this.#follower.close()
    await this.ended.catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
