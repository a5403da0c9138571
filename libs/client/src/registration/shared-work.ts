import type { Delivery } from '@qcore/contracts'
import { changesIn, type RegisteredChange } from './registered-change.ts'

/** A message of a shared registration, and how to reply to it. */
export interface SharedWork {
  readonly delivery: Delivery
  readonly respond: (reply: '+ACK' | '-NAK' | '+WPI') => void
  /** On the clock of `performance.now()`. */
  readonly arrivedAt: number
}

/** How many times in the time that a reply may take it is said that work goes on. */
const signsOfLife = 3
/** After this part of that time a message that waited here is not begun: it was, or will be, given to another one. */
const staleAfter = 0.8

/** Hands a message on and replies to it. Gives what the callback threw; the message goes to another one then. */
export async function workOn(
  { delivery, respond, arrivedAt }: SharedWork,
  ackTimeoutMs: number,
  tell: (change: RegisteredChange) => Promise<void>,
): Promise<{ error: unknown } | undefined> {
  if (performance.now() - arrivedAt > ackTimeoutMs * staleAfter) return undefined
  const working = setInterval(() => respond('+WPI'), ackTimeoutMs / signsOfLife)
  try {
    for (const change of changesIn(delivery)) await tell(change)
    respond('+ACK')
    return undefined
  } catch (error) {
    respond('-NAK')
    return { error }
  } finally {
    clearInterval(working)
  }
}
