import { ConfigService, type ConfigEntry as ConfigEntryMessage, type WatchConfigResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { backoffMs, canceled, pause } from '../calls/backoff.ts'
import type { Caller } from '../calls/caller.ts'
import { verdictOf } from '../calls/retry.ts'
import { configChangeFromMessage, configEntryFromMessage, type ConfigChange, type ConfigEntry } from './config-entry.ts'

/** Who is told what a watch brings. What a function returns is waited for; what it throws ends the watch. */
export interface ConfigSink {
  /** All that is there, at the beginning and whenever the watch could not go on where it was. Without it: an error. */
  readonly onEntries?: (entries: readonly ConfigEntry[], revision: number) => void | Promise<void>
  /** The changes of a revision. */
  readonly onChanges: (changes: readonly ConfigChange[], revision: number) => void | Promise<void>
  /** Everything up to a revision has come. */
  readonly onProgress?: (revision: number) => void
  /** The watch is live, for the first time or again. */
  readonly onLive?: () => void
  /** The watch is interrupted; it goes on by itself. */
  readonly onInterruption?: (error: unknown) => void
}

/** What a watch must have seen before it begins. */
export interface ConfigDemand {
  readonly atLeastRevision: bigint
  readonly latest: boolean
  /** Identifies the configuration that the revision belongs to; empty: not checked. */
  readonly configId: string
}

export interface ConfigWatchPoint {
  /** The revision of the configuration of which everything was handled. */
  readonly revision: number
  readonly configId?: string
}

/** Follows the configuration, over every break, revision by revision. */
export class ConfigFollower {
  /** Resolved when the watch is live for the first time, rejected if it cannot begin. */
  readonly live = Promise.withResolvers<void>()
  readonly #caller: Caller
  readonly #prefix: string
  readonly #sink: ConfigSink
  readonly #controller = new AbortController()
  readonly #demand: ConfigDemand
  #handled: number | undefined
  #configId: string
  #entries: ConfigEntryMessage[] | undefined
  #held: ConfigChange[] = []
  #failures = 0
  #isTokenNew = false
  #wasLive = false

  constructor(
    caller: Caller,
    { prefix, sink, from, demand }: { prefix: string; sink: ConfigSink; from?: ConfigWatchPoint; demand: ConfigDemand },
  ) {
    this.#caller = caller
    this.#prefix = prefix
    this.#sink = sink
    this.#handled = from?.revision
    this.#configId = from?.configId ?? ''
    this.#demand = demand
  }

  /** Where a later watch can go on. */
  get point(): Required<ConfigWatchPoint> {
    return { revision: this.#handled ?? 0, configId: this.#configId }
  }

  close(): void {
    this.#controller.abort()
  }

  /** Follows until it is closed, which resolves, or cannot go on, which rejects. */
  async run(): Promise<void> {
    const signal = this.#caller.signalOf(this.#controller.signal)
    const startBy = performance.now() + this.#caller.timeoutMs
    for (;;) {
      const error = await this.#follow(signal)
      if (signal.aborted) {
        this.live.reject(canceled(signal))
        return
      }
      try {
        await this.#recover(error, startBy, signal)
      } catch (final) {
        if (signal.aborted) return
        this.live.reject(final)
        throw final
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<unknown> {
    this.#entries = undefined
    this.#held = []
    const request = {
      prefix: this.#prefix,
      configId: this.#configId,
      entries: this.#sink.onEntries !== undefined,
      ...(this.#handled === undefined ? this.#demand : { resumeAfter: BigInt(this.#handled) }),
    }
    try {
      for await (const { event } of this.#caller.stream(ConfigService.method.watchConfig, request, signal)) {
        this.#failures = 0
        await this.#take(event)
      }
      return new QError('unavailable', 'the stream ended')
    } catch (error) {
      return error
    }
  }

  async #take(event: WatchConfigResponse['event']): Promise<void> {
    switch (event.case) {
      case 'entries':
        this.#entries = [...(this.#entries ?? []), ...event.value.entries]
        return
      case 'live':
        return this.#becomeLive(Number(event.value.configRevision), event.value.configId)
      case 'changes': {
        this.#held.push(...event.value.changes.map(configChangeFromMessage))
        // A revision is handed on whole: after a break its first part would come again.
        if (event.value.more) return
        const revision = Number(event.value.configRevision)
        await this.#sink.onChanges(this.#held, revision)
        this.#held = []
        this.#handled = revision
        return
      }
      case 'progress':
        this.#handled = Number(event.value.configRevision)
        this.#sink.onProgress?.(this.#handled)
        return
      case undefined:
    }
  }

  async #becomeLive(revision: number, configId: string): Promise<void> {
    const entries = this.#entries?.map((entry) => configEntryFromMessage(entry, configId))
    if (entries !== undefined) await this.#sink.onEntries?.(entries, revision)
    // What was missed has come before, so that all up to here is handled.
    this.#handled = revision
    this.#entries = undefined
    this.#configId = configId
    this.#wasLive = true
    this.#isTokenNew = false
    this.live.resolve()
    this.#sink.onLive?.()
  }

  async #recover(error: unknown, startBy: number, signal: AbortSignal): Promise<void> {
    if (!(error instanceof QError)) throw error
    const verdict = verdictOf(error)
    if (verdict === 'token') {
      if (this.#isTokenNew || !this.#caller.renewToken()) throw error
      this.#isTokenNew = true
      return
    }
    const mayPass = error.code === 'too_slow' || (error.code === 'log_replaced' && this.#sink.onEntries !== undefined)
    if (verdict === 'final' && !(this.#wasLive && mayPass)) throw error
    this.#failures += 1
    const pauseMs = backoffMs(this.#failures)
    if (!this.#wasLive && performance.now() + pauseMs >= startBy) throw error
    if (this.#wasLive) this.#sink.onInterruption?.(error)
    await pause(pauseMs, signal)
  }
}
