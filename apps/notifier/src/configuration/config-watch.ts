import { QError } from '@qcore/errors'
import type { ConfigChange as ConfigChangeMessage } from '@qcore/contracts'
import type { ConfigChange, SyncConfig } from '@qcore/sync-config'
import { changeMessage, sizeOfMessage } from './config-message.ts'

/** What may wait for a caller. One largest value always has room. */
const mostQueuedChanges = 10_000
const mostQueuedBytes = 8_388_608

/** The changes of a revision. */
export interface RevisionChanges {
  readonly revision: number
  readonly changes: readonly ConfigChangeMessage[]
}

/** Follows the configuration from the moment that it is made, for one caller, in bounded memory. */
export class ConfigWatch implements Disposable {
  /** Everything up to it has to be had from elsewhere. */
  readonly startRevision: number
  /** Of the configuration that it began with, and that it ends with. */
  readonly configId: string
  readonly accepts: (key: string) => boolean
  readonly #config: SyncConfig
  readonly #listening: Disposable
  #queue: RevisionChanges[] = []
  #queuedChanges = 0
  #queuedBytes = 0
  #end: QError | undefined
  #wake: (() => void) | undefined

  constructor(config: SyncConfig, accepts: (key: string) => boolean) {
    this.#config = config
    this.accepts = accepts
    this.startRevision = config.revision
    this.configId = config.storeId
    this.#listening = config.listen((changes) => this.#take(changes))
  }

  /** The revision up to which everything was handed out, once nothing is queued. */
  get revision(): number {
    return this.#config.revision
  }

  /** Ends the watch, when what is queued was handed out or at once. */
  end(error: QError): void {
    this.#end ??= error
    this.#wake?.()
  }

  /**
   * What has come since, or nothing if nothing comes within a time.
   *
   * @throws QError that ended the watch
   */
  async next(withinMs: number): Promise<readonly RevisionChanges[]> {
    if (this.#queue.length === 0 && this.#end === undefined) await this.#wait(withinMs)
    if (this.#end !== undefined) throw this.#end
    const taken = this.#queue
    this.#queue = []
    this.#queuedChanges = 0
    this.#queuedBytes = 0
    return taken
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]()
    this.#queue = []
  }

  async #wait(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, withinMs)
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }

  #take(all: readonly ConfigChange[]): void {
    if (this.#end !== undefined) return
    if (this.#config.storeId !== this.configId) {
      this.end(new QError('log_replaced', 'the configuration was replaced; read it anew'))
      return
    }
    const changes = all.filter(({ key }) => this.accepts(key)).map(changeMessage)
    const [first] = changes
    if (first === undefined) return
    this.#queue.push({ revision: Number(first.configRevision), changes })
    this.#queuedChanges += changes.length
    for (const change of changes) this.#queuedBytes += sizeOfMessage(change)
    if (this.#queuedChanges > mostQueuedChanges || this.#queuedBytes > mostQueuedBytes) {
      this.#queue = []
      this.end(
        new QError('too_slow', 'more changes wait than there is memory for; resume after the last one that came'),
      )
    }
    this.#wake?.()
  }
}
