import path from 'node:path'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { planProcess, type ServiceLog, type ServiceProcess } from '@qcore/local-stack'
import type { Environment } from '@qcore/service'
import { quietPort } from './quiet-port.ts'

export type ServiceName = 'auth' | 'gateway' | 'notifier' | 'reader' | 'scheduler' | 'writer'

/** Where a node runs that is not simply on this machine: in a network, or with a library of its own. */
export interface Placement {
  /** The address by which the node reaches this process. */
  readonly outerHost: string
  /** The address by which this process reaches the node. */
  readonly innerHost: string
  readonly wrapper: readonly string[]
  readonly env: Environment
}

export const here: Placement = { outerHost: '127.0.0.1', innerHost: '127.0.0.1', wrapper: [], env: {} }

export interface NodePlan {
  /** As `writer-1`; also its instance id. */
  readonly name: string
  readonly service: ServiceName
  readonly env: Environment
  readonly placement: Placement
  readonly postgresUrl: string
  readonly natsUrl: string
  readonly log: ServiceLog
}

/** A process of the cluster, with ways of its own to PostgreSQL and NATS. */
export class ClusterNode implements AsyncDisposable {
  readonly name: string
  readonly service: ServiceName
  readonly postgres: FaultProxy
  readonly nats: FaultProxy
  /** Ends of the process that no fault explains. */
  readonly crashes: string[] = []
  readonly #process: ServiceProcess
  readonly #healthUrl: string
  #isEndExpected = false

  /** Opens the ways, and plans the process; `start` starts it. */
  static async plan(plan: NodePlan): Promise<ClusterNode> {
    const { outerHost: host, innerHost } = plan.placement
    await using opened = new AsyncDisposableStack()
    const postgres = opened.use(await openFaultProxy(plan.postgresUrl, { host }))
    const nats = opened.use(await openFaultProxy(plan.natsUrl, { host }))
    const health = `${innerHost}:${await quietPort()}`
    opened.move()
    return new ClusterNode(plan, { postgres, nats }, health)
  }

  private constructor(plan: NodePlan, ways: { postgres: FaultProxy; nats: FaultProxy }, health: string) {
    const { name, service, env, placement, log } = plan
    this.name = name
    this.service = service
    this.postgres = ways.postgres
    this.nats = ways.nats
    this.#healthUrl = `http://${health}`
    // A gateway is ready when all services are; alone, it is alive.
    const readiness =
      service === 'gateway'
        ? { url: `${this.#healthUrl}/livez`, services: [] }
        : { url: `${this.#healthUrl}/readyz`, services: [service] }
    this.#process = planProcess({
      name,
      program: path.resolve(import.meta.dirname, '../../../../apps', service, 'src/main.ts'),
      env: {
        ...env,
        ...placement.env,
        Q_INSTANCE_ID: name,
        Q_POSTGRES_ADDR: ways.postgres.url,
        Q_NATS_ADDR: ways.nats.url,
        Q_HEALTH_ADDR: health,
      },
      wrapper: placement.wrapper,
      readiness: [readiness],
      log,
      onSpawn: () => undefined,
    })
  }

  get pid(): number {
    return this.#process.pid
  }

  async start(): Promise<void> {
    await this.#process.start(undefined)
    this.#watchEnd()
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    this.expectEnd()
    this.#process.kill('SIGKILL')
    await this.#process.ended()
  }

  signal(signal: NodeJS.Signals): void {
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT' && signal !== 'SIGUSR2') this.expectEnd()
    this.#process.kill(signal)
  }

  /** The process is about to end, and that is no crash. */
  expectEnd(): void {
    this.#isEndExpected = true
  }

  /** Resolves when the present process is gone, with the reason for people. */
  ended(): Promise<string> {
    return this.#process.ended()
  }

  /** Starts the process again, and waits until it is ready. */
  async restart(): Promise<void> {
    this.expectEnd()
    await this.#process.restart()
    this.#watchEnd()
  }

  /** What a health check of the service says, as `standby` of a writer's `lease`; empty if it does not answer. */
  async health(check: string): Promise<string> {
    try {
      const response = await fetch(`${this.#healthUrl}/readyz`, { signal: AbortSignal.timeout(healthTimeoutMs) })
      const { checks = [] } = (await response.json()) as { checks?: { name: string; detail?: string }[] }
      return checks.find(({ name }) => name === `${this.service}/${check}`)?.detail ?? ''
    } catch {
      return ''
    }
  }

  /** By how many milliseconds the node's wall clock differs from ours, to about a second; undefined if it does not answer. */
  async clockOffsetMs(): Promise<number | undefined> {
    try {
      const { headers } = await fetch(`${this.#healthUrl}/livez`, { signal: AbortSignal.timeout(healthTimeoutMs) })
      const date = Date.parse(headers.get('date') ?? '')
      return Number.isNaN(date) ? undefined : date - Date.now()
    } catch {
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.expectEnd()
    await this.#process.stop()
    await this.postgres[Symbol.asyncDispose]()
    await this.nats[Symbol.asyncDispose]()
  }

  #watchEnd(): void {
    this.#isEndExpected = false
    void this.#process.ended().then((reason) => {
      if (!this.#isEndExpected) this.crashes.push(`${this.name} ended by itself (${reason})`)
    })
  }
}

const healthTimeoutMs = 2_000
