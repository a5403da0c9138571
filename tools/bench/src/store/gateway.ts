import type { Comparison } from '../measure/comparison.ts'
import { loadHttp } from '../raw/http-load.ts'
import { startRawRequests } from '../raw/raw-nats.ts'
import type { BenchContext } from './bench-context.ts'

const connections = 64
const requestBytes = 350
const replyBytes = 60

/** Reading one field through the gateway. */
export async function gatewayComparisons(bench: BenchContext, parts: AsyncDisposableStack): Promise<Comparison[]> {
  const { system, durationMs, warmUpMs, ids } = bench
  const raw = parts.use(await startRawRequests(system.natsUrl, { requestBytes, replyBytes }))
  const options = { concurrency: connections, durationMs, warmUpMs }
  const request = {
    headers: { authorization: `Bearer ${system.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reads: [{ entityId: ids[0], path: 'Value' }] }),
  }
  return [
    {
      name: `read one field through the gateway (Connect, JSON, ${connections} connections)`,
      unit: '1/s',
      limitName: `NATS request/reply at ${connections}`,
      target: { relation: '≥', ratio: 0.3 },
      limit: async () => ({ value: (await raw.measure(options)).perSecond }),
      qcore: async () => {
        const result = await loadHttp(`${system.url}/qcore.store.v1.ReadService/ReadFields`, request, options)
        return { ...result, value: result.perSecond }
      },
    },
  ]
}
