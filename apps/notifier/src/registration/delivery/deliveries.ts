import { setTimeout as delay } from 'node:timers/promises'
import { create } from '@bufbuild/protobuf'
import { RegistrationEndSchema, registrationSubject } from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { registrationMetrics } from '../metrics.ts'
import { hasSameGrants, requestOf } from '../registration.ts'
import type { RegistrationRow } from '../sql/registration-row.ts'
import type { AckInbox } from './ack-inbox.ts'
import { createSender } from './create-sender.ts'
import { bodiesOf, endDelivery } from './delivery-message.ts'
import { headersOf } from './nats-message.ts'
import { PositionLedger } from './position-ledger.ts'
import type { PublishGate } from './publish-gate.ts'
import { RegistrationPump, type PumpEnd, type PumpSources } from './registration-pump.ts'

/** How long reading PostgreSQL may go on after it was told to stop. */
const stopTimeoutMs = 500
/** How long instances of a service have to reply to what they were sent before others send it to them again. */
const settleTimeoutMs = 200

export interface DeliveryOptions {
  readonly store: string
  readonly gate: PublishGate
  readonly inbox: AckInbox
  readonly sources: PumpSources
  /** A registration cannot go on. */
  readonly onEnd: () => void
}

/** How far registrations were sent when NATS was asked whether it has that. */
export type SentRevisions = ReadonlyMap<RegistrationPump, number>

interface Ended {
  readonly row: RegistrationRow
  readonly epoch: number
  readonly revision: number
}

/** The registrations that this notifier delivers. */
export class Deliveries {
  readonly ledger = new PositionLedger()
  readonly #options: DeliveryOptions
  readonly #pumps = new Map<string, RegistrationPump>()
  readonly #ended = new Map<string, Ended>()
  readonly #endings = new Map<string, PumpEnd>()
  readonly #stopping = new Set<Promise<void>>()
  #counted = { owned: 0, behind: 0 }

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  /** Takes a registration as it is now: begins it, changes it, or ends it. */
  apply(row: RegistrationRow, epoch: number): void {
    const { token } = row
    const pump = this.#pumps.get(token)
    if (row.endedUs !== null) {
      if (row.isAnnounced) return
      if (pump !== undefined) this.#remove(pump).sender.close()
      const revision = Math.max(row.deliveredRevision, pump?.sender.deliveredRevision ?? 0)
      this.#ended.set(token, { row, epoch, revision })
    } else if (pump === undefined) {
      this.#begin(row, epoch)
    } else if (!hasSameGrants(pump.row, row)) {
      this.#remove(pump).sender.close()
      this.#begin({ ...row, deliveredRevision: pump.sender.deliveredRevision }, epoch)
    }
  }

  get all(): Iterable<RegistrationPump> {
    return this.#pumps.values()
  }

  /** Drops what is of some buckets: nothing of it is sent any more. */
  drop(buckets: ReadonlySet<number>): void {
    for (const { sender } of this.#stop(buckets)) sender.close()
  }

  /** Stops what is of some buckets, and waits a moment for replies. Gives what was stopped. */
  async settle(buckets: ReadonlySet<number>): Promise<RegistrationPump[]> {
    const pumps = this.#stop(buckets)
    await Promise.race([Promise.all(pumps.map(({ sender }) => sender.settled())), delay(settleTimeoutMs)])
    return pumps
  }

  #stop(buckets: ReadonlySet<number>): RegistrationPump[] {
    const pumps = [...this.#pumps.values()].filter(({ row }) => buckets.has(row.bucket))
    for (const [token, { row }] of this.#ended) if (buckets.has(row.bucket)) this.#ended.delete(token)
    for (const pump of pumps) this.#remove(pump)
    return pumps
  }

  /** Waits a moment until those that were stopped have let go of everything. */
  async whenStopped(): Promise<void> {
    await Promise.race([Promise.all(this.#stopping), delay(stopTimeoutMs)])
  }

  sentRevisions(): SentRevisions {
    return new Map([...this.#pumps.values()].map((pump) => [pump, pump.sender.sentRevision]))
  }

  confirm(sent: SentRevisions): void {
    for (const [pump, revision] of sent) pump.sender.confirm(revision)
  }

  /** The connection to NATS was lost. */
  recover(): void {
    for (const pump of this.#pumps.values()) pump.recover()
  }

  /** Tells subscribers how far their registrations are. */
  tick(): void {
    const now = performance.now()
    for (const { sender } of this.#pumps.values()) sender.tick(now)
    registrationMetrics.owned.inc(this.#pumps.size - this.#counted.owned)
    registrationMetrics.behind.inc(this.ledger.behindCount - this.#counted.behind)
    this.#counted = { owned: this.#pumps.size, behind: this.ledger.behindCount }
  }

  /** The registrations that cannot go on, until they are seen to have ended. */
  get endings(): ReadonlyMap<string, PumpEnd> {
    return this.#endings
  }

  /** Sends the last messages of registrations that have ended. Gives them; NATS has yet to confirm that it has them. */
  announceEnded(): { token: string; revision: number }[] {
    const announced: { token: string; revision: number }[] = []
    for (const [token, { row, epoch, revision }] of this.#ended) {
      if (!this.#options.gate.isOpen) break
      this.#announce(row, epoch, revision)
      announced.push({ token, revision })
    }
    return announced
  }

  forgetEnded(announced: readonly { readonly token: string }[]): void {
    for (const { token } of announced) this.#ended.delete(token)
    registrationMetrics.ended.inc(announced.length)
  }

  #announce(row: RegistrationRow, epoch: number, revision: number): void {
    const { gate, store } = this.#options
    const { token, logId, endedUs, endCode: code, endMessage: message } = row
    const end = create(RegistrationEndSchema, { code, message, deliveredRevision: BigInt(revision) })
    end.time = timestampFromMicros(endedUs ?? 0)
    const delivery = endDelivery(end, { token, logId, epoch })
    const { bodyFormat: format } = requestOf(row)
    for (const body of bodiesOf(delivery, { format, mostBytes: gate.mostBodyBytes })) {
      gate.publish({ subject: registrationSubject(store, token), body: body.body, headers: headersOf(body) })
    }
  }

  #begin(row: RegistrationRow, epoch: number): void {
    const sender = createSender(row, epoch, this.#options)
    const { sources, onEnd } = this.#options
    const pump = new RegistrationPump({ row, epoch }, sender, sources, (end) => {
      this.#endings.set(row.token, end)
      onEnd()
    })
    this.#pumps.set(row.token, pump)
    this.ledger.open(row.token, { revision: row.deliveredRevision, isBehind: row.isBehind })
  }

  #remove(pump: RegistrationPump): RegistrationPump {
    const stopped = pump.stop().finally(() => this.#stopping.delete(stopped))
    this.#stopping.add(stopped)
    this.#pumps.delete(pump.row.token)
    this.#endings.delete(pump.row.token)
    this.ledger.close(pump.row.token)
    return pump
  }
}
