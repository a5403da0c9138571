import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { LocalStackError } from './local-stack-error.ts'

export const loopback = '127.0.0.1'

/** Ports below those that Linux gives to connections: one of these any connection could take before the caller does. */
const [firstPort, endPort] = [21_000, 32_768]
const mostAttempts = 100

/** A TCP port of 127.0.0.1 that nobody listens on. Another process can take it before the caller does. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    try {
      return await listenOnce(randomInt(firstPort, endPort))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
  throw new LocalStackError(`none of ${mostAttempts} ports of ${loopback} is free`)
}

/** @throws LocalStackError if the port cannot be listened on */
export async function assertPortFree(port: number, purpose: string, host: string = loopback): Promise<void> {
  try {
    await listenOnce(port, host)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason =
      code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${code ?? String(error)})`
    throw new LocalStackError(`port ${port} of ${host}, for ${purpose}, ${reason}`, { cause: error })
  }
}

async function listenOnce(port: number, host: string = loopback): Promise<number> {
  const server = createServer()
  server.listen({ port, host, exclusive: true })
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
  return address.port
}
