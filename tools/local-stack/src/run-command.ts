import { execFile } from 'node:child_process'

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** A command that failed. The message is the last line of what it wrote that says something. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly output: string

  constructor(message: string, output: string, cause: unknown) {
    super(message, { cause })
    this.output = output
  }
}

/** Runs a program to its end and gives its standard output. Bounded in time. */
export async function runCommand(program: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { timeoutMs, signal, ...rest } = options
  return new Promise((resolve, reject) => {
    const done = {
      ...rest,
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      ...(signal === undefined ? {} : { signal }),
    }
    execFile(program, [...args], { ...done, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const output = stderr + stdout
      const reason =
        error.killed === true ? `no end within ${timeoutMs / 1_000} s` : error.message.split('\n', 1).join()
      const telling = output.split('\n').findLast((line) => /^(E:|FATAL|.*\berror\b)/i.test(line))
      return reject(new CommandError(telling?.trim() ?? reason, output, error))
    })
  })
}
