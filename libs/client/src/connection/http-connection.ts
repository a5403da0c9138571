import { createConnectTransport } from '@connectrpc/connect-web'
import { QError } from '@qcore/errors'
import type { Connection } from './connection.ts'

/** Talks to a gateway with fetch. Throws QError `configuration`. */
export function openHttpConnection(url: string): Connection {
  const parsed = URL.parse(url)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new QError('configuration', `${url} is not an address like https://host`, { field: 'url' })
  }
  const transport = createConnectTransport({ baseUrl: parsed.href.replace(/\/$/, ''), useBinaryFormat: true })
  return {
    transport,
    oneByOne: transport,
    keepsOrder: false,
    bus: undefined,
    async [Symbol.asyncDispose]() {},
  }
}
