import { setTimeout as delay } from 'node:timers/promises'
import type { SecretBox } from '@qcore/access'
import type { Executor } from '@qcore/database'
import { isQError } from '@qcore/errors'
import type { Logger } from '@qcore/service'
import {
  deleteEndedSecrets,
  loadFormerSecrets,
  loadSealedSecrets,
  storeResealed,
  type ResealedSecret,
  type SealedSecret,
} from './sql/webhook-secrets.ts'

/** Secrets of one statement. */
const mostSecrets = 500
/** Time between looks: meanwhile a writer may have sealed something under the secret of before. */
const pauseMs = 60_000

export interface SecretKeeperOptions {
  readonly executor: Executor
  readonly logger: Logger
  readonly secrets: SecretBox
  /** Whether the deployment had another secret before, under which something may be sealed. */
  readonly hasSecretsBefore: boolean
}

/**
 * Deletes secrets of webhooks that are not in use any more, and seals under the present secret of the deployment what was
 * sealed under an earlier one. Any number may run.
 */
export class SecretKeeper implements AsyncDisposable {
  readonly #options: SecretKeeperOptions
  readonly #stop = new AbortController()
  readonly #run: Promise<void>

  constructor(options: SecretKeeperOptions) {
    this.#options = options
    this.#run = this.#keepLooking()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#run
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stop
    const { executor, logger, hasSecretsBefore } = this.#options
    while (!signal.aborted) {
      try {
        await deleteEndedSecrets(executor)
        if (hasSecretsBefore) await this.#resealAll()
      } catch (error) {
        logger.warn({ err: error }, 'cannot look after the secrets of webhooks')
      }
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #resealAll(): Promise<void> {
    const { executor, logger } = this.#options
    let stored = 0
    let unreadable = 0
    const reseal = async (some: readonly SealedSecret[]): Promise<void> => {
      const resealed = some.flatMap((each) => this.#reseal(each) ?? [])
      const outdated = resealed.filter((each) => each !== 'unreadable')
      unreadable += resealed.length - outdated.length
      if (outdated.length > 0) stored += await storeResealed(executor, outdated)
    }
    await reseal(await loadFormerSecrets(executor))
    for (let afterId = ''; !this.#stop.signal.aborted;) {
      const some = await loadSealedSecrets(executor, { afterId, limit: mostSecrets })
      await reseal(some)
      const last = some.at(-1)
      if (last === undefined || some.length < mostSecrets) break
      afterId = last.scheduleId
    }
    if (unreadable > 0) {
      logger.error(
        { count: unreadable },
        'secrets of webhooks cannot be opened: they were sealed under a secret that is not named',
      )
    }
    if (stored > 0) logger.info({ count: stored }, 'secrets of webhooks were sealed under the present secret')
  }

  /** Undefined: it is sealed under the present secret. */
  #reseal({ scheduleId, sealed }: SealedSecret): ResealedSecret | 'unreadable' | undefined {
    try {
      const resealed = this.#options.secrets.reseal(scheduleId, sealed)
      return resealed === undefined ? undefined : { scheduleId, sealed, resealed }
    } catch (error) {
      if (isQError(error, 'configuration')) return 'unreadable'
      throw error
    }
  }
}
