import type { TokenAccess } from '@qcore/access'
import type { Pool } from '@qcore/database'
import type { Logger } from '@qcore/service'
import type { SigningKeys } from './keys/signing-keys.ts'
import { deleteOldAudit } from './sql/audit.ts'
import { endRegistrationsOfRevoked } from './sql/end-registrations.ts'
import { deleteEndedRevocations } from './sql/revoke.ts'
import { deleteEndedTokens } from './sql/tokens.ts'

/** How often keys are looked after, and what is over forgotten. */
const upkeepMs = 60_000
/** For how many days tokens are listed after their end. */
const tokenDays = 30

export interface UpkeepOptions {
  readonly pool: Pool
  readonly keys: SigningKeys
  readonly access: TokenAccess
  readonly logger: Logger
  readonly auditDays: number
}

/** Sees to it that keys get successors, and that nothing is kept for ever. All auths do; it does no harm. */
export class Upkeep implements AsyncDisposable {
  readonly #options: UpkeepOptions
  readonly #timer: NodeJS.Timeout
  #running: Promise<void> | undefined

  constructor(options: UpkeepOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.#running ??= this.#run().finally(() => (this.#running = undefined))
    }, upkeepMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }

  async #run(): Promise<void> {
    const { pool, keys, access, logger, auditDays } = this.#options
    try {
      await keys.keep()
      await access.refresh()
      await endRegistrationsOfRevoked(pool)
      await deleteEndedTokens(pool, tokenDays)
      await deleteEndedRevocations(pool)
      await deleteOldAudit(pool, auditDays)
    } catch (error) {
      logger.warn({ err: error }, 'the upkeep of keys and tokens is put off')
    }
  }
}
