import { setTimeout as delay } from 'node:timers/promises'

const pollMs = 25
const requestTimeoutMs = 2_000

/** What to wait for. */
export interface ReadinessWait {
  readonly url: string
  /** The services that have to be among the checks; empty if the answer's status says it all. */
  readonly services: readonly string[]
  /** Ends the wait. */
  readonly signal: AbortSignal
}

/** Waits until a /readyz says that its services are ready. @throws the reason of the signal */
export async function waitUntilReady({ url, services, signal }: ReadinessWait): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    if (await isReady(url, services, signal)) return
    await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

async function isReady(url: string, services: readonly string[], signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]) })
    const body = await response.text()
    if (response.status !== 200) return false
    if (services.length === 0) return true
    const { checks } = JSON.parse(body) as { checks: { name: string }[] }
    // A process is asked while it still starts its services: those that are missing are not ready.
    return services.every((service) => checks.some(({ name }) => name.startsWith(`${service}/`)))
  } catch {
    return false
  }
}
