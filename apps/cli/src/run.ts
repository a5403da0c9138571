import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { registerCommands } from './commands/index.ts'
import { describeError, exitCodeOf, exitCodes } from './exit-code.ts'
import type { Io } from './io.ts'

/** Runs a command line without the program's name; resolves to the exit code. Never rejects. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const program = createProgram(io, (text) => void io.out(text))
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    // Whoever stopped it knows; there is nothing to tell.
    if (io.signal.aborted) return exitCodes.ok
    io.err(`qcore: ${describeError(error)}\n`)
    return exitCodeOf(error)
  }
}

function createProgram(io: Io, out: (text: string) => void): Command {
  const program = new Command('qcore')
    .description('Reads, writes and watches a qcore store.')
    .option('--url <url>', 'the gateway (Q_URL)')
    .option('--servers <urls>', 'the NATS servers, instead of a gateway (Q_NATS_ADDR)')
    .option('--store <name>', 'the store, over NATS (Q_STORE)')
    .option('--token <jwt>', 'the token (Q_TOKEN)')
    .option('--timeout <seconds>', 'how long a call may take, retries included', positiveNumber)
    .option('--json', 'write JSON: one document, or one a line where there may be many')
    .addHelpText(
      'after',
      '\nAn entity is named by its id, or by a path of names from the root: /USA/Texas. Without address and token, those of\nthe system that `npm start` runs in this folder or one above are taken.',
    )
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: (text) => io.err(text) })
    .showHelpAfterError('(qcore --help tells more)')
  registerCommands(program, io)
  return program
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It is a number of seconds.')
  return value
}
