import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { QError } from '@qcore/errors'
import { metricsContentType, metricsText } from './metrics.ts'
import type { HealthCheck } from './health-check.ts'
import type { Service } from './service.ts'

/** How long /readyz waits for the checks, in milliseconds: below the usual probe time-out of a second. */
const answerTimeoutMs = 900
/** When the checks are told to end, so that a service can still say which of its dependencies is silent. */
const checkTimeoutMs = 800

export interface ReadinessReport {
  ready: boolean
  checks: HealthCheck[]
}

/** Asks services for the state of what they depend on. A check that does not answer in time is not ok. */
export async function reportReadiness(services: readonly Service[]): Promise<ReadinessReport> {
  const results = await Promise.all(services.map(checkService))
  const checks = results.flat()
  return { ready: checks.every((check) => check.ok), checks }
}

async function checkService(service: Service): Promise<HealthCheck[]> {
  const late = AbortSignal.timeout(answerTimeoutMs)
  const expired = new Promise<HealthCheck[]>((resolve) => {
    late.addEventListener('abort', () => resolve([{ name: service.name, ok: false, detail: 'no answer in time' }]), {
      once: true,
    })
  })
  const answer = service
    .checkHealth(AbortSignal.timeout(checkTimeoutMs))
    .catch((error: unknown) => [{ name: service.name, ok: false, detail: String(error) }])
  return (await Promise.race([answer, expired])).map((check) => ({ ...check, name: `${service.name}/${check.name}` }))
}

/** Serves /livez, /readyz and /metrics of a process. */
export async function openHealthServer(
  { host, port }: { host: string; port: number },
  services: () => readonly Service[],
): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    answer(request.url ?? '/', response, services()).catch((error: unknown) => {
      send(response, 500, 'text/plain', String(error))
    })
  })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new QError('configuration', `Q_HEALTH_ADDR: cannot listen on ${host}:${port}`, {
      field: 'Q_HEALTH_ADDR',
      cause: error,
    })
  }
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(url: string, response: ServerResponse, services: readonly Service[]): Promise<void> {
  const path = url.split('?')[0]
  if (path === '/livez') return send(response, 200, 'text/plain', 'ok')
  if (path === '/metrics') return send(response, 200, metricsContentType, await metricsText())
  if (path === '/readyz') {
    const report = await reportReadiness(services)
    return send(response, report.ready ? 200 : 503, 'application/json', JSON.stringify(report))
  }
  return send(response, 404, 'text/plain', 'not found')
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType }).end(body)
}
