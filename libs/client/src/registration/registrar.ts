import { RegistrationService } from '@qcore/contracts'
import type { CallOptions, Caller } from '../calls/caller.ts'
import type { MessageBus } from '../connection/connection.ts'
import type { Session } from '../read/consistency.ts'
import { listed, type ListedRegistration } from './listed-registration.ts'
import { Registration } from './registration.ts'
import type { ChangeCallback, FollowerContext, RegisterOptions } from './register-options.ts'
import { RegistrationFollower } from './registration-follower.ts'
import type { RegistrationInput } from './registration-input.ts'
import { Renewer } from './renewer.ts'

export interface ListOptions extends CallOptions {
  /** Those of one service only. */
  readonly service?: string
  /** Everybody's; needs level admin. */
  readonly allOwners?: boolean
  /** Also those that ended in the last ten minutes. */
  readonly includeEnded?: boolean
}

/** Registers, and tells of registrations. */
export class Registrar {
  readonly #context: FollowerContext

  constructor(context: { caller: Caller; session: Session; bus: MessageBus | undefined }) {
    this.#context = { ...context, renewer: new Renewer(context.caller) }
  }

  async register(
    input: RegistrationInput,
    callback: ChangeCallback,
    options: RegisterOptions = {},
  ): Promise<Registration> {
    const { caller } = this.#context
    const leaving = new AbortController()
    const signals = options.signal === undefined ? [leaving.signal] : [leaving.signal, options.signal]
    const signal = caller.signalOf(AbortSignal.any(signals))
    const request = { input, key: input.key ?? crypto.randomUUID(), callback, options }
    const follower = new RegistrationFollower(this.#context, request, signal)
    await follower.register()
    return new Registration(follower, { caller, leaving, isOwn: input.key === undefined })
  }

  /** The caller's registrations. */
  async *list(options: ListOptions = {}): AsyncGenerator<ListedRegistration, void> {
    const { service = '', allOwners = false, includeEnded = false } = options
    let cursor = ''
    do {
      const request = { service, allOwners, includeEnded, cursor }
      const page = await this.#context.caller.call(RegistrationService.method.listRegistrations, request, options)
      for (const registration of page.registrations) yield listed(registration)
      cursor = page.nextCursor
    } while (cursor !== '')
  }

  /** Ends a registration by its token. Throws `unknown_registration`. */
  async end(token: string, options: CallOptions = {}): Promise<void> {
    await this.#context.caller.call(RegistrationService.method.unregister, { token }, options)
  }
}
