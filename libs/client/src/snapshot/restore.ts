import { RestoreService } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CallOptions, Caller } from '../calls/caller.ts'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'
import { fileParts, type SnapshotSource } from './file-parts.ts'
import { lastResponse } from './restore-calls.ts'
import { planFromMessage, type RestorePlan } from './restore-plan.ts'

/** A part of this size passes as base64 too. */
const partBytes = 524_288

export interface RestoreOptions extends CallOptions {
  /** Only this entity of the file, with its descendants: its id, or a path of names from the root such as `/USA/Texas`. */
  readonly under?: string
}

export interface ApplyOptions extends CallOptions {
  /** True: also if the store has changed since the plan. What could not be restored then is still refused. */
  readonly evenIfChanged?: boolean
}

/** What applying a restore did. */
export interface RestoreResult {
  /** The revision that it became; if it changed nothing, the newest one. */
  readonly revision: number
  /** When; undefined if it changed nothing. */
  readonly time: Timestamp | undefined
  /** Identifies the history that begins with the revision. */
  readonly logId: string
}

/**
 * A restore that was planned and changes nothing before it is applied. It is kept for an hour; disposing of it forgets it at
 * once.
 */
export class Restore implements AsyncDisposable {
  readonly id: string
  readonly plan: RestorePlan
  readonly #caller: Caller
  readonly #onApplied: (revision: number) => void
  #isOpen = true

  constructor(
    caller: Caller,
    { id, plan, onApplied }: { id: string; plan: RestorePlan; onApplied: (revision: number) => void },
  ) {
    this.#caller = caller
    this.id = id
    this.plan = plan
    this.#onApplied = onApplied
  }

  /**
   * Makes all of it, as one revision. Every subscription of the store ends with `log_replaced`.
   *
   * @throws QError `condition_failed` if the store has changed since the plan, `restore_refused`, `unknown_restore`
   */
  async apply(options: ApplyOptions = {}): Promise<RestoreResult> {
    const { evenIfChanged = false, timeoutMs = this.#caller.timeoutMs } = options
    const { revision, commitTime, logId } = await lastResponse(this.#caller, RestoreService.method.applyRestore, {
      input: {
        restoreId: this.id,
        ...(evenIfChanged ? {} : { expectedRevision: BigInt(this.plan.revision) }),
      },
      signal: this.#caller.signalOf(options.signal),
      timeoutMs,
    })
    this.#isOpen = false
    this.#onApplied(Number(revision))
    return {
      revision: Number(revision),
      time: commitTime === undefined ? undefined : timestampFromMessage(commitTime),
      logId,
    }
  }

  /** Forgets it. */
  async abandon(options: CallOptions = {}): Promise<void> {
    this.#isOpen = false
    await this.#caller.call(RestoreService.method.abandonRestore, { restoreId: this.id }, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that cannot be told is forgotten by itself.
    if (this.#isOpen && !this.#caller.closed.aborted) await this.abandon().catch(() => undefined)
  }
}

/** Sends a snapshot file and plans its restore. */
export async function planRestore(
  caller: Caller,
  source: SnapshotSource,
  { under = '', ...options }: RestoreOptions,
  onApplied: (revision: number) => void,
): Promise<Restore> {
  const { method } = RestoreService
  const restoreId = randomId()
  await caller.call(method.beginRestore, { restoreId, under }, options)
  try {
    let parts = 0
    for await (const content of fileParts(source, partBytes)) {
      await caller.call(method.addRestorePart, { restoreId, sequence: parts, content }, options)
      parts++
    }
    const { plan } = await lastResponse(caller, method.planRestore, {
      input: { restoreId, parts },
      signal: caller.signalOf(options.signal),
      timeoutMs: options.timeoutMs ?? caller.timeoutMs,
    })
    if (plan === undefined) throw new QError('internal', 'the answer has no plan')
    return new Restore(caller, { id: restoreId, plan: planFromMessage(plan), onApplied })
  } catch (error) {
    if (!caller.closed.aborted) await caller.call(method.abandonRestore, { restoreId }).catch(() => undefined)
    throw error
  }
}

/** 32 hexadecimal digits. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
