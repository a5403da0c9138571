import { create } from '@bufbuild/protobuf'
import { BackPressure, BodyFormat, DeliveryMode, RegisterRequestSchema, type RegisterRequest } from '@qcore/contracts'
import { subscriptionMessage, type WatchTarget } from '../notify/watch-target.ts'
import type { ResumePoint } from '../notify/subscriber.ts'

/** What to register. */
export interface RegistrationInput {
  /** The service that is told: letters, digits, `-` and `_`. */
  readonly service: string
  /** What to be notified of, 1 to 10,000. */
  readonly targets: readonly WatchTarget[]
  /**
   * Names the registration. Programs that register the same with the same key, and tokens of the same subject, share one; it
   * outlives each of them by its lease. Left out: it belongs to this client alone, and ends when it is closed.
   */
  readonly key?: string
  /** `fan-out`, the default: whoever shares it gets everything. `shared`: one of them gets each message. */
  readonly delivery?: 'fan-out' | 'shared'
  /** `lossless`, the default. `latest`: what has to wait is folded, field by field. */
  readonly backPressure?: 'lossless' | 'latest'
  /** How long it lives when this client is gone, in milliseconds, 1,000 to 3,600,000; default 60,000. */
  readonly leaseMs?: number
  /** Shared: after which a message that was not taken is given to another one, in milliseconds; default 5,000. */
  readonly ackTimeoutMs?: number
  /** Shared: how many messages may be worked on at a time by all, 1 to 1,000; default 64. */
  readonly maxUnacknowledged?: number
  /** Shared: how many times a message is given to somebody who does not take it, before it is given up; default 100. */
  readonly maxAttempts?: number
  /** Latest: the least time between two messages, in milliseconds; default 0. */
  readonly minIntervalMs?: number
}

export function registerRequest(
  input: RegistrationInput,
  key: string,
  resumeAfter: ResumePoint | undefined,
): RegisterRequest {
  const request = create(RegisterRequestSchema, {
    service: input.service,
    key,
    logId: resumeAfter?.logId ?? '',
    delivery: input.delivery === 'shared' ? DeliveryMode.SHARED : DeliveryMode.UNSPECIFIED,
    backPressure: input.backPressure === 'latest' ? BackPressure.LATEST : BackPressure.UNSPECIFIED,
    bodyFormat: BodyFormat.PROTO,
    leaseMs: input.leaseMs ?? 0,
    ackTimeoutMs: input.ackTimeoutMs ?? 0,
    maxUnacknowledged: input.maxUnacknowledged ?? 0,
    maxAttempts: input.maxAttempts ?? 0,
    minIntervalMs: input.minIntervalMs ?? 0,
  })
  request.subscriptions = input.targets.map(subscriptionMessage)
  if (resumeAfter !== undefined) request.resumeAfter = BigInt(resumeAfter.revision)
  return request
}
