import { once } from 'node:events'
import { connect } from 'node:net'

/** A server on this machine answers within a few milliseconds, or is not up yet. */
const greetingTimeoutMs = 500

/** Whether a NATS serves the port: it speaks first. */
export async function greets(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    const [greeting] = (await once(socket, 'data', { signal: AbortSignal.timeout(greetingTimeoutMs) })) as [Buffer]
    return greeting.toString().startsWith('INFO ')
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
