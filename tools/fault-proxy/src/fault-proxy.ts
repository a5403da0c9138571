import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a server that can fail. Disposing closes all connections and the port. */
export interface FaultProxy extends AsyncDisposable {
  /** The URL of the server, by this way. */
  readonly url: string
  /** Resets all connections, and new ones too, until `restore`. What was held back is lost. */
  cut(): void
  /** Connections that are open. */
  readonly connections: number
  /** Passes nothing on until `restore`, or only one way, and breaks nothing. New connections are held as well. */
  hold(what?: 'everything' | 'answers' | 'requests'): void
  /** Takes connections, and passes everything on, what was held back first. */
  restore(): void
}

/**
 * Opens a way to a server.
 *
 * @param serverUrl with host and port
 * @param host where to listen; another address of this machine than the default is for a network of its own
 */
export async function openFaultProxy(serverUrl: string, { host = '127.0.0.1' } = {}): Promise<FaultProxy> {
  const url = new URL(serverUrl)
  const target = { host: url.hostname, port: Number(url.port), noDelay: true }
  const links = new Links()
  const server = createServer({ noDelay: true }, (near) => {
    if (links.isCut) near.resetAndDestroy()
    else links.add({ near, far: connect(target) })
  })
  server.listen(0, host)
  await once(server, 'listening')
  url.host = `${host}:${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    get connections() {
      return links.size
    },
    cut: () => links.cut(),
    hold: (what = 'everything') => links.hold(what),
    restore: () => links.restore(),
    async [Symbol.asyncDispose]() {
      links.cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A connection of a client, and the one to the server that belongs to it. */
interface Link {
  readonly near: Socket
  readonly far: Socket
}

type Held = 'nothing' | 'answers' | 'requests' | 'everything'

class Links {
  isCut = false
  #held: Held = 'nothing'
  readonly #links = new Set<Link>()

  get size(): number {
    return this.#links.size
  }

  add(link: Link): void {
    this.#links.add(link)
    this.#pass(link)
    const close = (): void => {
      this.#links.delete(link)
      link.near.destroy()
      link.far.destroy()
    }
    for (const socket of [link.near, link.far]) socket.on('error', close).on('close', close)
  }

  cut(): void {
    this.isCut = true
    for (const { near, far } of this.#links) {
      // One that is just ending cannot be reset: the attempt would leave its handle open, and Node spinning at its exit.
      if (isShuttingDown(near)) near.destroy()
      else near.resetAndDestroy()
      far.destroy()
    }
  }

  hold(what: Held): void {
    this.#held = what
    for (const link of this.#links) this.#pass(link)
  }

  restore(): void {
    this.isCut = false
    this.hold('nothing')
  }

  /** A paused socket would be woken when the other drains; one without a pipe sleeps. */
  #pass({ near, far }: Link): void {
    near.unpipe(far)
    far.unpipe(near)
    if (this.#held === 'nothing' || this.#held === 'answers') near.pipe(far)
    if (this.#held === 'nothing' || this.#held === 'requests') far.pipe(near)
  }
}

/** Whether all was written, and that it is the end is on its way to the kernel. */
function isShuttingDown({ writableEnded, writableFinished, writableLength }: Socket): boolean {
  return writableEnded && !writableFinished && writableLength === 0
}
