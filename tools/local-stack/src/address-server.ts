import { connect } from 'node:net'
import type { BackingKind, BackingServer } from './backing-server.ts'
import { LocalStackError } from './local-stack-error.ts'

const defaultPorts = { postgres: 5432, nats: 4222, redis: 6379 } as const satisfies Record<BackingKind, number>
const connectTimeoutMs = 3_000

/**
 * A server that runs elsewhere and is only used: stopping it leaves it alone.
 *
 * @throws LocalStackError if nobody answers at the address
 */
export async function useAddress(kind: BackingKind, url: string, variable: string): Promise<BackingServer> {
  const { hostname, port: portText } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const port = portText === '' ? defaultPorts[kind] : Number(portText)
  await assertAnswers(host, port, variable)
  const refuse = (): never => {
    throw new LocalStackError(`${kind} at ${host}:${port} comes from ${variable}: it is not the local stack's to end`)
  }
  return {
    kind,
    url,
    host,
    port,
    source: `the address in ${variable}`,
    stop: async () => {},
    kill: refuse,
    restart: async () => refuse(),
    ended: () => new Promise(() => {}),
    [Symbol.asyncDispose]: async () => {},
  }
}

async function assertAnswers(host: string, port: number, variable: string): Promise<void> {
  const socket = connect({ host, port, timeout: connectTimeoutMs })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
      socket.once('timeout', () => reject(new Error('no answer')))
    })
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw new LocalStackError(`${variable}: ${host}:${port} cannot be reached (${reason})`, { cause: error })
  } finally {
    socket.destroy()
  }
}
