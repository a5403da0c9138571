import { freePort, loopback } from './free-port.ts'

/** Where the gateway listens. */
export interface WebAddress {
  readonly host: string
  readonly port: number
}

/** The address with a port that is free, if the port is 0. Default: one of 127.0.0.1. */
export async function chooseWebAddress({ host, port }: WebAddress = { host: loopback, port: 0 }): Promise<WebAddress> {
  return { host, port: port === 0 ? await freePort() : port }
}

/** Where to reach a gateway that listens on an address: one that stands for all is no address to go to. */
export function gatewayUrl({ host, port }: WebAddress): string {
  if (host === '0.0.0.0' || host === '::') return `http://${loopback}:${port}`
  return `http://${formatAddress({ host, port })}`
}

/** `host:port`, as in `Q_WEB_ADDR`. */
export function formatAddress({ host, port }: WebAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
