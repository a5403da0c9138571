import type { Answer } from '../answer.ts'
import type { Route, RouteCall } from '../route.ts'

const version = '0.1.0'
const msPerSecond = 1_000

async function status({ services }: RouteCall): Promise<Answer> {
  const checks = await services.checks()
  const isUp = Object.values(checks).every((check) => check)
  const body = {
    status: isUp ? 'ok' : 'degraded',
    uptime_seconds: Math.floor(performance.now() / msPerSecond),
    version,
    jwt: { issuer: 'qhronos', algorithm: 'HS256', jwks: '/.well-known/jwks.json' },
    hmac: {
      algorithm: 'HMAC-SHA256',
      signature_header: 'X-Qhronos-Signature',
      default_secret: null,
      event_override_supported: true,
    },
    checks,
  }
  return { status: 200, body }
}

export const statusRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/status',
    access: 'public',
    summary: 'How the system is',
    answers: { 200: 'Its state' },
    answer: status,
  },
  {
    method: 'GET',
    path: '/health',
    access: 'public',
    summary: 'Whether the gateway answers',
    answers: { 200: 'It does' },
    answer: async () => ({ status: 200, body: { status: 'ok' } }),
  },
]
