import type { WebSocketAction } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import { untilAborted } from '@qcore/service'
import type { ActionOutcome, ActionRunner, Occasion } from './action.ts'
import type { HookConnections, HookOutcome } from './hook-connections.ts'
import { occasionJson } from './occasion-json.ts'

/** Gives an occurrence to a client that is connected to a gateway, and waits until it has acknowledged it. */
export class WebSocketRunner implements ActionRunner {
  readonly #connections: HookConnections
  readonly #timeoutMs: number

  /** @param timeoutMs how long a client may take to acknowledge */
  constructor(connections: HookConnections, timeoutMs: number) {
    this.#connections = connections
    this.#timeoutMs = timeoutMs
  }

  async run(occasion: Occasion, signal: AbortSignal): Promise<ActionOutcome> {
    const kind = occasion.settings.put.action?.kind
    if (kind?.case !== 'websocket') return { kind: 'failed', error: 'the schedule calls no client', finally: 'refused' }
    const timeoutMs = Math.max(1, Math.floor(Math.min(this.#timeoutMs, occasion.deadlineAt - performance.now())))
    const body = occasionJson(occasion)
    try {
      const { broadcast } = kind.value
      const given = broadcast ? this.#giveAll(kind.value, body, timeoutMs) : this.#giveOne(kind.value, body, timeoutMs)
      return await untilAborted(given, signal)
    } catch (error) {
      if (signal.aborted) throw error
      if (isQError(error, 'unavailable')) return { kind: 'postponed', error: error.message, inDoubt: false }
      return { kind: 'failed', error: error instanceof Error ? error.message : String(error) }
    }
  }

  async #giveOne({ clientName, withoutAck }: WebSocketAction, body: string, timeoutMs: number): Promise<ActionOutcome> {
    for (const id of await this.#connections.inTurn(clientName)) {
      const outcome = await this.#connections.give(id, body, { needsAck: !withoutAck, timeoutMs })
      if (outcome !== 'gone') return outcomeOf(outcome, id, timeoutMs)
      this.#connections.forget(clientName)
    }
    return noClient(clientName)
  }

  async #giveAll({ clientName, withoutAck }: WebSocketAction, body: string, timeoutMs: number): Promise<ActionOutcome> {
    const ids = await this.#connections.all(clientName)
    const given = await Promise.all(
      ids.map((id) => this.#connections.give(id, body, { needsAck: !withoutAck, timeoutMs })),
    )
    const outcomes = given.filter((outcome) => outcome !== 'gone')
    if (outcomes.length === 0) return noClient(clientName)
    const missing = outcomes.filter((outcome) => outcome === 'closed' || outcome === 'silent').length
    const counted = `${outcomes.length - missing} of ${outcomes.length} connections`
    if (missing === 0) return { kind: 'done', result: counted }
    return { kind: 'failed', error: `${counted} acknowledged within ${timeoutMs} ms` }
  }
}

function outcomeOf(outcome: Exclude<HookOutcome, 'gone'>, id: string, timeoutMs: number): ActionOutcome {
  switch (outcome) {
    case 'acknowledged':
    case 'sent':
      return { kind: 'done', result: `connection ${id}` }
    case 'closed':
      return { kind: 'failed', error: `the connection ${id} ended before it had acknowledged` }
    case 'silent':
      return { kind: 'failed', error: `the connection ${id} did not acknowledge within ${timeoutMs} ms` }
    default:
      return outcome satisfies never
  }
}

/** In the words of the original. */
function noClient(clientName: string): ActionOutcome {
  return { kind: 'failed', error: `no client connected for id: ${clientName}` }
}
