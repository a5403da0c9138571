import { connect, type Client } from '@qcore/client'
import type { Command } from 'commander'
import { readAddress, type AddressOptions } from './address.ts'
import type { Io } from './io.ts'
import type { ValueContext } from './value-text.ts'

/** The options that every command has. */
export interface GlobalOptions extends AddressOptions {
  json?: boolean
  timeout?: number
}

/** What a command works with. */
export interface Session extends ValueContext {
  readonly io: Io
  readonly q: Client
  /** Whether to write JSON. */
  readonly json: boolean
}

/** Runs a command's action with a client that is closed afterwards. */
export async function withSession(
  command: Command,
  io: Io,
  action: (session: Session) => Promise<void>,
): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>()
  const timeoutMs = options.timeout === undefined ? undefined : options.timeout * 1_000
  const q = await connect({
    ...readAddress(options, io),
    signal: io.signal,
    // A command does not know what the one before it did.
    consistency: 'latest',
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  })
  const onStop = (): void => void q.close()
  io.signal.addEventListener('abort', onStop, { once: true })
  try {
    await action({ io, q, json: options.json ?? false, folder: io.folder })
  } finally {
    io.signal.removeEventListener('abort', onStop)
    await q.close()
  }
}

/** Writes a JSON document, on one line. */
export async function outJson(io: Io, document: unknown): Promise<void> {
  await io.out(`${JSON.stringify(document)}\n`)
}
