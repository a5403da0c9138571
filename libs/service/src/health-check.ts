/** The state of something that a service depends on. */
export interface HealthCheck {
  /** For example `postgres`. */
  name: string
  ok: boolean
  /** For people. */
  detail: string
}

/** Asks something how it is; what it throws is what is wrong. Never rejects. */
export async function healthOf(name: string, ask: () => Promise<string>): Promise<HealthCheck> {
  try {
    return { name, ok: true, detail: await ask() }
  } catch (error) {
    return { name, ok: false, detail: error instanceof Error ? error.message : String(error) }
  }
}
