import { Readable } from 'node:stream'
import { tmpdir } from 'node:os'
import { run } from '../src/run.ts'

export interface Outcome {
  code: number
  out: string
  err: string
}

export interface TerminalOptions {
  env?: Record<string, string>
  folder?: string
  input?: string
  signal?: AbortSignal
  /** What a person answers. */
  confirm?: (question: string) => boolean
  /** Called with what was written so far. */
  onOutput?: (out: string) => void
}

/** Runs a command line and keeps what it writes. */
export async function terminal(argv: readonly string[], options: TerminalOptions = {}): Promise<Outcome> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    out: (text) => {
      out += text
      options.onOutput?.(out)
    },
    err: (text) => {
      err += text
    },
    env: options.env ?? {},
    folder: options.folder ?? tmpdir(),
    readInput: () => Promise.resolve(options.input ?? ''),
    input: () => Readable.from([Buffer.from(options.input ?? '')]),
    confirm: (question) => Promise.resolve(options.confirm?.(question) ?? false),
    signal: options.signal ?? new AbortController().signal,
  })
  return { code, out, err }
}
