import { ConfigService } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { JsonValue } from '@qcore/json'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { commit, type CommitInput } from '../commit/commit-builder.ts'
import type { CommitOptions, CommitResult } from '../commit/committer.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import {
  configEntryFromMessage,
  pastChangesFromMessage,
  type ConfigChange,
  type ConfigEntry,
  type PastConfigChange,
} from './config-entry.ts'
import { ConfigFollower, type ConfigSink, type ConfigWatchPoint } from './config-follower.ts'
import type { ConfigCondition, PutConfigOptions } from './config-mutation.ts'
import { ConfigSubscription } from './config-subscription.ts'
import { SyncMap, type ConfigWriteResult, type SyncMapOptions } from './sync-map.ts'

export interface ConfigWatchOptions {
  /** What keys begin with; default: all. */
  readonly prefix?: string
  /** Where an earlier watch ended; default: from now on. */
  readonly from?: ConfigWatchPoint
  readonly onInterruption?: (error: unknown) => void
}

export interface ConfigHistoryQuery {
  /** One key, or all with a prefix. */
  readonly key?: string
  readonly prefix?: string
  /** Only changes before this revision of the configuration. */
  readonly before?: number
  /** How many at most; default: all. */
  readonly limit?: number
}

/** An instance that follows the configuration, as it last reported. */
export interface ConfigInstance {
  readonly instanceId: string
  readonly revision: number
  /** How many revisions it had not applied. */
  readonly lag: number
  readonly digest: string
  readonly entries: number
  readonly startedAt: Timestamp | undefined
  readonly reportedAt: Timestamp | undefined
  readonly inSync: boolean
}

export interface ConfigStatus {
  readonly configId: string
  readonly revision: number
  readonly digest: string
  readonly entries: number
  readonly instances: readonly ConfigInstance[]
}

const pageSize = 200

/** The configuration of a store. Revisions are the configuration's own. What this client has changed, it reads. */
export class ConfigClient {
  readonly #caller: Caller
  readonly #commit: (input: CommitInput, options: CommitOptions) => Promise<CommitResult>
  readonly #latest: boolean
  /** The newest revision that this client made, and of which configuration. */
  #revision = 0
  #configId = ''

  /** @param latest whether reads see everything that anybody was told is committed before */
  constructor(
    caller: Caller,
    make: (input: CommitInput, options: CommitOptions) => Promise<CommitResult>,
    latest: boolean,
  ) {
    this.#caller = caller
    this.#commit = make
    this.#latest = latest
  }

  /** The value of a key. Throws `unknown_key`. */
  async get(key: string, options: CallOptions = {}): Promise<JsonValue> {
    return (await this.getEntry(key, options)).value
  }

  /** The value of a key; the default if it is not there. */
  async find<Default>(key: string, byDefault: Default, options: CallOptions = {}): Promise<JsonValue | Default> {
    try {
      return await this.get(key, options)
    } catch (error) {
      if (isQError(error, 'unknown_key')) return byDefault
      throw error
    }
  }

  /** A key with its value, revision and expiry. Throws `unknown_key`. */
  async getEntry(key: string, options: CallOptions = {}): Promise<ConfigEntry> {
    const request = { key, ...this.#demand }
    const { entry, configId } = await this.#caller.call(ConfigService.method.getConfig, request, options)
    if (entry === undefined) throw new QError('internal', 'the answer has no entry')
    return configEntryFromMessage(entry, configId)
  }

  /** All keys with a prefix, in order, page by page. */
  async *list(prefix = '', options: CallOptions = {}): AsyncGenerator<ConfigEntry, void> {
    const request = { prefix, limit: pageSize, ...this.#demand }
    let after = ''
    do {
      const page = await this.#caller.call(ConfigService.method.listConfig, { ...request, after }, options)
      yield* page.entries.map((entry) => configEntryFromMessage(entry, page.configId))
      after = page.nextAfter
    } while (after !== '')
  }

  /** Gives a key a value, as a commit of its own; `commit().putConfig(…)` does it with other changes. */
  async set(key: string, value: JsonValue, options: PutConfigOptions & CommitOptions = {}): Promise<ConfigWriteResult> {
    return this.#written(await this.#commit(commit().putConfig(key, value, options), options))
  }

  /** Deletes a key. `existed` is false if it was not there; then nothing was done. */
  async delete(key: string, options: ConfigCondition & CommitOptions = {}): Promise<ConfigWriteResult> {
    return this.#written(await this.#commit(commit().deleteConfig(key, options), options))
  }

  /** Who changed what when, the newest first. */
  async *history(query: ConfigHistoryQuery = {}, options: CallOptions = {}): AsyncGenerator<PastConfigChange, void> {
    const { key = '', prefix = '', before = 0, limit = Infinity } = query
    const request = { key, prefix, beforeRevision: BigInt(before), limit: Math.min(limit, pageSize) }
    let left = limit
    let cursor = ''
    while (left > 0) {
      const page = await this.#caller.call(ConfigService.method.listConfigHistory, { ...request, cursor }, options)
      yield* page.changes.slice(0, left).flatMap(pastChangesFromMessage)
      left -= page.changes.length
      cursor = page.nextCursor
      if (cursor === '') return
    }
  }

  /**
   * Gives keys the values that they had at a revision, as one commit: one key, or all with a prefix. Returns those that changed.
   *
   * @throws QError `compacted`, `future_revision`, `commit_too_large`
   */
  async rollback(
    revision: number,
    { key = '', prefix = '' }: { key?: string; prefix?: string } = {},
    options: CallOptions = {},
  ): Promise<{ keys: string[]; revision: number }> {
    const request = { configRevision: BigInt(revision), key, prefix, idempotencyKey: crypto.randomUUID() }
    const answer = await this.#caller.call(ConfigService.method.rollbackConfig, request, options)
    this.#observe(Number(answer.configRevision), answer.configId)
    return { keys: answer.keys, revision: Number(answer.configRevision) }
  }

  /** Calls back with the changes of every revision, in order. Resolves when the watch is live. */
  watch(
    callback: (changes: readonly ConfigChange[], revision: number) => void | Promise<void>,
    { prefix = '', from, onInterruption }: ConfigWatchOptions = {},
  ): Promise<ConfigSubscription> {
    const sink = { onChanges: callback, ...(onInterruption === undefined ? {} : { onInterruption }) }
    return this.#follow({ prefix, sink, ...(from === undefined ? {} : { from }) })
  }

  /** The keys `<prefix>:<key>` as a map in memory that follows them. Resolves when it has all that is there. */
  async map<Value extends JsonValue = JsonValue>(
    prefix: string,
    options: SyncMapOptions<Value> = {},
  ): Promise<SyncMap<Value>> {
    const map = new SyncMap<Value>(prefix, this, options)
    return map.follow(await this.#follow({ prefix: map.start, sink: map.sink }))
  }

  /** Every instance that follows the configuration, and whether it is in sync. Needs level admin, or a scope for all keys. */
  async status(options: CallOptions = {}): Promise<ConfigStatus> {
    const answer = await this.#caller.call(ConfigService.method.getConfigStatus, {}, options)
    return {
      configId: answer.configId,
      revision: Number(answer.configRevision),
      digest: answer.digest,
      entries: Number(answer.entries),
      instances: answer.instances.map(({ instanceId, digest, inSync, startTime, reportTime, ...counts }) => ({
        instanceId,
        revision: Number(counts.configRevision),
        lag: Number(counts.lag),
        digest,
        entries: Number(counts.entries),
        startedAt: startTime === undefined ? undefined : timestampFromMessage(startTime),
        reportedAt: reportTime === undefined ? undefined : timestampFromMessage(reportTime),
        inSync,
      })),
    }
  }

  get #demand() {
    return { atLeastRevision: BigInt(this.#revision), configId: this.#configId, latest: this.#latest }
  }

  async #follow(options: { prefix: string; sink: ConfigSink; from?: ConfigWatchPoint }): Promise<ConfigSubscription> {
    const follower = new ConfigFollower(this.#caller, { ...options, demand: this.#demand })
    const subscription = new ConfigSubscription(follower, follower.run())
    await follower.live.promise
    return subscription
  }

  #written({ results, revision: storeRevision }: CommitResult): ConfigWriteResult {
    const [result] = results
    const { revision = 0, existed = false, configId = '' } = result?.config ?? {}
    this.#observe(revision, configId)
    return { revision, changed: result?.changed ?? false, existed, storeRevision }
  }

  /** A configuration that replaced another one counts its own revisions. */
  #observe(revision: number, configId: string): void {
    if (configId !== '' && configId !== this.#configId) {
      this.#configId = configId
      this.#revision = revision
    }
    this.#revision = Math.max(this.#revision, revision)
  }
}
