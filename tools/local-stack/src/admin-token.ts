import { setTimeout as delay } from 'node:timers/promises'
import { LocalStackError } from './local-stack-error.ts'

const lifetimeSeconds = 30 * 24 * 60 * 60
const timeoutMs = 10_000
const retryMs = 50

/** Mints a token of level admin at a gateway. Tries again while auth is not there yet. */
export async function mintAdminToken(
  gatewayUrl: string,
  masterToken: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const limit = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])])
  for (;;) {
    const response = await fetch(`${gatewayUrl}/qcore.auth.v1.TokenService/MintToken`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${masterToken}` },
      body: JSON.stringify({ subject: 'local-admin', level: 'ACCESS_LEVEL_ADMIN', lifetimeSeconds }),
      signal: limit,
    })
    const body = await response.text()
    if (response.ok) return (JSON.parse(body) as { token: string }).token
    if (response.status !== 503) throw new LocalStackError(`no token from ${gatewayUrl}: ${response.status} ${body}`)
    await delay(retryMs, undefined, { signal: limit })
  }
}
