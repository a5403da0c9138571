import type { NatsConnection } from '@nats-io/transport-node'

export type LossListener = (reason: string) => void

/** Tells when a connection to NATS breaks: what was on its way then is lost. One for each connection. */
export class ConnectionMonitor {
  static readonly #monitors = new WeakMap<NatsConnection, ConnectionMonitor>()

  readonly #connection: NatsConnection
  readonly #listeners = new Set<LossListener>()
  #connected: boolean

  static of(connection: NatsConnection): ConnectionMonitor {
    let monitor = this.#monitors.get(connection)
    if (monitor === undefined) {
      monitor = new ConnectionMonitor(connection)
      this.#monitors.set(connection, monitor)
    }
    return monitor
  }

  private constructor(connection: NatsConnection) {
    this.#connection = connection
    this.#connected = connection.info !== undefined
    void this.#follow()
  }

  get isConnected(): boolean {
    return this.#connected && !this.#connection.isClosed()
  }

  /** Registers a listener, and returns what takes it away. */
  onLost(listener: LossListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #follow(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') this.#lose('the connection to NATS was lost')
      else if (status.type === 'reconnect') this.#connected = true
    }
    this.#lose('the connection to NATS was closed')
  }

  #lose(reason: string): void {
    this.#connected = false
    for (const listener of this.#listeners) listener(reason)
  }
}
