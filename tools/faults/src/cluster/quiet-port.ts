import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ports that the kernel gives to connections, which would be taken again before a process listens. */
const firstPort = 12_000
const lastPort = 31_999
const mostAttempts = 100

/** A TCP port that nobody listens on, and that nobody gets by chance. */
export async function quietPort(): Promise<number> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort))
    const server = createServer()
    try {
      server.listen({ port, host: '127.0.0.1', exclusive: true })
      await once(server, 'listening')
      return port
    } catch {
      // Somebody has it.
    } finally {
      server.close()
    }
  }
  throw new Error(`no free port between ${firstPort} and ${lastPort}`)
}
