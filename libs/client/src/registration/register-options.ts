import type { QError } from '@qcore/errors'
import type { Caller } from '../calls/caller.ts'
import type { MessageBus } from '../connection/connection.ts'
import type { ResumePoint } from '../notify/subscriber.ts'
import type { Session } from '../read/consistency.ts'
import type { RegisteredChange } from './registered-change.ts'
import type { RegistrationInput } from './registration-input.ts'
import type { Renewer } from './renewer.ts'

/** Takes a change. The next one waits for the promise it returns. */
export type ChangeCallback = (change: RegisteredChange) => void | Promise<void>

export interface RegisterOptions {
  /** Stops listening. */
  signal?: AbortSignal
  /** How long it may take to register, in milliseconds; default 10,000, or what `connect` was told. */
  timeoutMs?: number
  /** Tell of everything after a revision, instead of from now on. */
  resumeAfter?: ResumePoint
  /** Everything up to this revision was delivered. Not called for shared registrations. */
  onProgress?: (revision: number) => void
  /** Something broke, and goes on by itself; of a shared registration also: the callback failed, and another one gets the message. */
  onInterruption?: (error: QError) => void
}

export interface FollowerContext {
  readonly caller: Caller
  readonly session: Session
  readonly bus: MessageBus | undefined
  readonly renewer: Renewer
}

export interface FollowerRequest {
  readonly input: RegistrationInput
  readonly key: string
  readonly callback: ChangeCallback
  readonly options: RegisterOptions
}
