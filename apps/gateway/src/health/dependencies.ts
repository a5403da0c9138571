import type { NatsConnection } from '@nats-io/transport-node'
import {
  CommitService,
  ConfigService,
  DeadLetterService,
  DeliveryService,
  EventLogService,
  EventService,
  HeldEventService,
  HistoryService,
  NamespaceService,
  NodeService,
  OccurrenceService,
  QueryService,
  ReadService,
  RegistrationService,
  RestoreService,
  ScheduleService,
  SnapshotService,
  TemporaryService,
  TokenService,
  WatchService,
} from '@qcore/contracts'
import { checkNats, type HealthCheck } from '@qcore/service'

/** How long a service may take to answer. */
const answerTimeoutMs = 500

/** What the gateway forwards to serves; the names are those of `$SRV`. */
const servicesOf = {
  reader: [ReadService, HistoryService, QueryService, SnapshotService, EventLogService],
  writer: [CommitService, RestoreService, EventService, NamespaceService, TemporaryService],
  notifier: [
    WatchService,
    RegistrationService,
    ConfigService,
    NodeService,
    DeliveryService,
    DeadLetterService,
    HeldEventService,
  ],
  scheduler: [ScheduleService, OccurrenceService],
  auth: [TokenService],
} as const

const servers = Object.keys(servicesOf)

/** Who serves a service, by its full name. */
export const serverOfService: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(servicesOf).flatMap(([server, services]) => services.map(({ typeName }) => [typeName, server])),
)

/** Whether the gateway is ready only with it. A store without schedules runs no scheduler. */
export function isEssential({ name }: HealthCheck): boolean {
  return name !== 'scheduler'
}

/** Asks everything that calls may need whether it answers now. */
export class Dependencies {
  readonly #connection: NatsConnection
  readonly #store: string
  #asking: Promise<HealthCheck[]> | undefined

  constructor(connection: NatsConnection, store: string) {
    this.#connection = connection
    this.#store = store
  }

  /** Askers at the same time share the answer. Never rejects. */
  check(): Promise<HealthCheck[]> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<HealthCheck[]> {
    const nats = await checkNats(this.#connection, AbortSignal.timeout(answerTimeoutMs))
    if (!nats.ok) {
      return [nats, ...servers.map((name) => ({ name, ok: false, detail: 'NATS does not answer' }))]
    }
    return [nats, ...(await Promise.all(servers.map((name) => this.#askServer(name))))]
  }

  async #askServer(name: string): Promise<HealthCheck> {
    try {
      // A standby writer serves nothing and does not answer. Another store's server answers, and does not count.
      const answers = await this.#connection.requestMany(`$SRV.INFO.qcore-${name}`, '', {
        strategy: 'timer',
        maxWait: answerTimeoutMs,
      })
      for await (const answer of answers) {
        const id = answer.data.length === 0 ? undefined : serverId(answer.json(), this.#store)
        if (id !== undefined) return { name, ok: true, detail: `${id} answered` }
      }
      return { name, ok: false, detail: `no answer in ${answerTimeoutMs} ms` }
    } catch (error) {
      return { name, ok: false, detail: error instanceof Error ? error.message : String(error) }
    }
  }
}

/** The instance that serves a store, of its answer to `$SRV.INFO`; undefined if it serves another one. */
function serverId(info: unknown, store: string): string | undefined {
  if (typeof info !== 'object' || info === null) return undefined
  const { id, endpoints } = info as { id?: unknown; endpoints?: unknown }
  if (typeof id !== 'string' || !Array.isArray(endpoints)) return undefined
  const serves = endpoints.some((endpoint: unknown) => {
    const subject = (endpoint as { subject?: unknown } | null)?.subject
    return typeof subject === 'string' && subject.startsWith(`q.${store}.`)
  })
  return serves ? id : undefined
}
