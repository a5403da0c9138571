export type BackingKind = 'postgres' | 'nats' | 'redis'

/** Where a server comes from; README.md has the order in which they are tried. */
export type ServerSource = 'address' | 'machine' | 'package' | 'container'

/** A running PostgreSQL, NATS or Redis. Disposing stops it. */
export interface BackingServer extends AsyncDisposable {
  readonly kind: BackingKind
  /** With user and password or token, if there are any. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** How it was found, for people. */
  readonly source: string
  /** The server's process; absent if it is not a child of this one. */
  readonly pid?: number
  /** Stops it in bounded time, and removes its data if it is in a temporary folder. Final. */
  stop(): Promise<void>
  /** Sends a signal to the server, for fault tests. */
  kill(signal: NodeJS.Signals): void
  /** Resolves when its present process is gone, with the reason for people; never if it is not a child of this one. */
  ended(): Promise<string>
  /** Stops it if it runs, and starts it with the same port and data. */
  restart(): Promise<void>
}
