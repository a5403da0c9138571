import { setTimeout as delay } from 'node:timers/promises'

const pollMs = 25
const requestTimeoutMs = 2_000

/** What to wait for. */
export interface ReadinessProbe {
  readonly url: string
  /** The services that have to be among the checks; empty if the answer's status says it all. */
  readonly services: readonly string[]
}

/**
 * Waits until a /readyz says that its services are ready.
 *
 * @param onUnready is told each time why they are not, for people
 * @throws the reason of the signal
 */
export async function waitUntilReady(
  probe: ReadinessProbe,
  signal: AbortSignal,
  onUnready: (reason: string) => void,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const reason = await findUnready(probe, signal)
    if (reason === undefined) return
    if (!signal.aborted) onUnready(reason)
    await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

interface Report {
  readonly checks?: readonly { readonly name: string; readonly ok?: boolean; readonly detail?: string }[]
}

async function findUnready({ url, services }: ReadinessProbe, signal: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]) })
    const body = await response.text()
    if (response.status !== 200) return describeFailed(body)
    if (services.length === 0) return undefined
    const { checks = [] } = JSON.parse(body) as Report
    // A process is asked while it still starts its services: those that are missing are not ready.
    const missing = services.filter((service) => !checks.some(({ name }) => name.startsWith(`${service}/`)))
    return missing.length === 0 ? undefined : `not started: ${missing.join(', ')}`
  } catch {
    return `no answer from ${url}`
  }
}

function describeFailed(body: string): string {
  try {
    const { checks = [] } = JSON.parse(body) as Report
    const failed = checks.filter(({ ok }) => ok === false)
    return failed.map(({ name, detail = '' }) => `${name}: ${detail}`).join(', ') || body
  } catch {
    return body
  }
}
