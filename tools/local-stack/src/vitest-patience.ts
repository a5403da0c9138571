import { vi } from 'vitest'

/**
 * How long a test waits for something that does not say so itself. The second that vitest gives is not enough on a busy
 * machine; how long something may take is measured where it matters.
 */
const waitTimeoutMs = 10_000

const { waitFor } = vi
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: waitTimeoutMs, ...options })
