import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import type { Endpoint } from './method-table.ts'
import { queueGroup } from './request-server.ts'

interface ServiceIdentity {
  connection: NatsConnection
  name: string
  version: string
  instanceId: string
}

/**
 * Answers `$SRV.PING`, `$SRV.INFO` and `$SRV.STATS` (each also with `.<name>` and `.<name>.<instance>`) as ADR-32 of NATS
 * says, so that `nats micro` finds the service. `close` ends it.
 */
export function announceService(service: ServiceIdentity, endpoints: ReadonlyMap<string, Endpoint>): { close(): void } {
  const { connection, name, version, instanceId } = service
  const started = new Date().toISOString()
  const identity = { name, id: instanceId, version, metadata: {} }
  const answers: Record<string, () => object> = {
    PING: () => ({ type: 'io.nats.micro.v1.ping_response', ...identity }),
    INFO: () => ({
      type: 'io.nats.micro.v1.info_response',
      ...identity,
      description: '',
      endpoints: [...endpoints.values()].map(describe),
    }),
    STATS: () => ({
      type: 'io.nats.micro.v1.stats_response',
      ...identity,
      started,
      endpoints: [...endpoints.values()].map((endpoint) => ({ ...describe(endpoint), ...statsOf(endpoint) })),
    }),
  }
  const subscriptions: Subscription[] = []
  for (const [verb, answer] of Object.entries(answers)) {
    for (const scope of ['', `.${name}`, `.${name}.${instanceId}`]) {
      const callback = (error: Error | null, message: { respond(body: string): boolean }): void => {
        if (error === null) message.respond(JSON.stringify(answer()))
      }
      subscriptions.push(connection.subscribe(`$SRV.${verb}${scope}`, { callback }))
    }
  }
  return {
    close: () => {
      for (const subscription of subscriptions) subscription.unsubscribe()
    },
  }
}

function describe({ method, subject }: Endpoint): object {
  return {
    name: method.name,
    subject,
    queue_group: queueGroup,
    metadata: { service: method.parent.typeName, kind: method.methodKind },
  }
}

function statsOf({ stats }: Endpoint): object {
  return {
    num_requests: stats.requests,
    num_errors: stats.errors,
    last_error: stats.lastError,
    processing_time: stats.processingTimeNs,
    average_processing_time: stats.averageProcessingTimeNs,
  }
}
