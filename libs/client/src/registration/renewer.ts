import { RegistrationService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { Caller } from '../calls/caller.ts'
import { errorFromProblem } from '../calls/problem.ts'

/** How often a lease is renewed before it would end. */
const renewalsPerLease = 3
/** The most tokens of one request. */
const tokensPerRequest = 1_000

export interface Renewed {
  readonly token: string
  readonly leaseMs: number
  /** The lease cannot be renewed any more. */
  onRefused(error: QError): void
}

interface Lease {
  dueAt: number
}

/** Renews the leases of a client's registrations, all that are due in one request. */
export class Renewer {
  readonly #caller: Caller
  readonly #leases = new Map<Renewed, Lease>()
  #timer: NodeJS.Timeout | undefined
  #isRenewing = false

  constructor(caller: Caller) {
    this.#caller = caller
    caller.closed.addEventListener('abort', () => clearTimeout(this.#timer), { once: true })
  }

  add(renewed: Renewed): void {
    this.#leases.set(renewed, { dueAt: nextRenewalAt(renewed) })
    this.#schedule()
  }

  delete(renewed: Renewed): void {
    this.#leases.delete(renewed)
    this.#schedule()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#leases.size === 0 || this.#isRenewing || this.#caller.closed.aborted) return
    const dueAt = Math.min(...[...this.#leases.values()].map((lease) => lease.dueAt))
    this.#timer = setTimeout(() => void this.#renew(), Math.max(0, dueAt - performance.now()))
  }

  async #renew(): Promise<void> {
    this.#isRenewing = true
    try {
      const now = performance.now()
      const due = [...this.#leases].filter(([{ leaseMs }, { dueAt }]) => dueAt <= now + leaseMs / 10)
      for (const [renewed, lease] of due) lease.dueAt = nextRenewalAt(renewed)
      for (let start = 0; start < due.length; start += tokensPerRequest) {
        await this.#renewBatch(due.slice(start, start + tokensPerRequest).map(([renewed]) => renewed))
      }
    } finally {
      this.#isRenewing = false
      this.#schedule()
    }
  }

  /** Never rejects: what failed is tried again when it is due again, and the lease outlives that. */
  async #renewBatch(batch: readonly Renewed[]): Promise<void> {
    const timeoutMs = Math.min(...batch.map(({ leaseMs }) => leaseMs)) / renewalsPerLease
    try {
      const tokens = batch.map(({ token }) => token)
      const { outcomes } = await this.#caller.call(RegistrationService.method.renew, { tokens }, { timeoutMs })
      for (const [index, { outcome }] of outcomes.entries()) {
        if (outcome.case === 'problem') batch[index]?.onRefused(errorFromProblem(outcome.value))
      }
    } catch (error) {
      if (!(error instanceof QError)) throw error
    }
  }
}

function nextRenewalAt({ leaseMs }: Renewed): number {
  return performance.now() + leaseMs / renewalsPerLease
}
