import 'vitest'

declare module 'vitest' {
  /** What `inject` gives to every test. */
  interface ProvidedContext {
    /** A PostgreSQL of this run; every test file uses a store name of its own. */
    postgresUrl: string
    /** A NATS of this run, with JetStream. */
    natsUrl: string
  }
}
