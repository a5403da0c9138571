import { setTimeout as delay } from 'node:timers/promises'
import type { ConnectRouter, HandlerContext } from '@connectrpc/connect'
import { Code, ConnectError } from '@connectrpc/connect'
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '@qcore/contracts'
import type { HealthCheck } from '@qcore/service'
import { isEssential, serverOfService } from './dependencies.ts'

/** How often a watched service is asked. */
const pollMs = 1_000

export interface HealthOptions {
  /** The state of everything that calls may need. */
  checks: () => Promise<HealthCheck[]>
  /** The full names of all services. */
  services: readonly string[]
  stopping: AbortSignal
}

/** Serves grpc.health.v1: the gateway as a whole is the empty name, a service is as healthy as its servers. */
export function registerHealth(router: ConnectRouter, options: HealthOptions): void {
  router.service(Health, {
    check: async ({ service }) => ({ status: await knownStatus(options, service) }),
    list: async () => {
      const checks = await options.checks()
      const names = ['', ...options.services]
      const entries = names.map((name) => [name, { status: statusOf(options, checks, name) }] as const)
      return { statuses: Object.fromEntries(entries) }
    },
    watch: ({ service }, context) => watchStatus(options, service, context),
  })
}

async function knownStatus(options: HealthOptions, service: string): Promise<ServingStatus> {
  if (isKnown(options, service)) return statusOf(options, await options.checks(), service)
  throw new ConnectError(`there is no service ${service}`, Code.NotFound)
}

async function* watchStatus(
  options: HealthOptions,
  service: string,
  { signal }: HandlerContext,
): AsyncGenerator<{ status: ServingStatus }> {
  let last: ServingStatus | undefined
  const ended = AbortSignal.any([signal, options.stopping])
  for (;;) {
    const known = isKnown(options, service)
    const status = known ? statusOf(options, await options.checks(), service) : ServingStatus.SERVICE_UNKNOWN
    if (status !== last) yield { status }
    last = status
    if (ended.aborted) return
    // The end of the wait is looked at in the next turn, which tells a watcher that the gateway stops.
    await delay(pollMs, undefined, { signal: ended }).catch(() => undefined)
    if (signal.aborted) return
  }
}

function isKnown({ services }: HealthOptions, service: string): boolean {
  return service === '' || services.includes(service)
}

function statusOf({ stopping }: HealthOptions, checks: readonly HealthCheck[], service: string): ServingStatus {
  const server = serverOfService[service]
  const needed = service.startsWith('grpc.')
    ? []
    : checks.filter((check) => {
        if (server === undefined) return isEssential(check)
        return check.name === server || check.name === 'nats'
      })
  const serves = !stopping.aborted && needed.every(({ ok }) => ok)
  return serves ? ServingStatus.SERVING : ServingStatus.NOT_SERVING
}
