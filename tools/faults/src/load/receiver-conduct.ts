import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** Longer than schedulers wait for an answer in the runs. */
const lateMs = 1_500
const workMs = 600
const dripMs = 50
const drips = 200

/** How a receiver answers. */
export type Conduct = (response: ServerResponse) => void | Promise<void>

/** Takes what it is sent. */
export const takes: Conduct = (response) => void response.writeHead(200).end('taken')

/** Takes it, but not at once: who sends can be lost meanwhile. */
export const takesItsTime: Conduct = async (response) => {
  await delay(workMs)
  await takes(response)
}

/** Fails, as a server does that is broken. */
export const breaks: Conduct = (response) => void response.writeHead(503).end('broken')

/** What receivers of webhooks do wrong. */
export const misconducts = {
  hangs: () => undefined,
  'answers late': async (response) => {
    await delay(lateMs)
    await takes(response)
  },
  'cuts its answer': async (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('x')
    await delay(dripMs)
    response.destroy()
  },
  'cuts the connection': (response) => void response.destroy(),
  redirects: (response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
  breaks,
  'is too busy': (response) => void response.writeHead(429, { 'retry-after': '1' }).end(),
  'drips its head': (response) => drip('HTTP/1.1 200 OK\r\nx: ', (part) => response.socket?.write(part), response),
  'drips its answer': (response) => {
    response.writeHead(200, { 'content-length': String(drips) })
    return drip('', (part) => response.write(part), response)
  },
} as const satisfies Record<string, Conduct>

/** Writes a byte at a time, until nobody listens any more. */
async function drip(first: string, write: (part: string) => unknown, response: ServerResponse): Promise<void> {
  const closed = new AbortController()
  void once(response, 'close').then(() => closed.abort())
  write(first)
  for (let written = 0; written < drips && !closed.signal.aborted; written++) {
    write('x')
    await delay(dripMs, undefined, { signal: closed.signal }).catch(() => undefined)
  }
  response.destroy()
}
