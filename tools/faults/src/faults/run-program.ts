import { execFile } from 'node:child_process'

const standardTimeoutMs = 20_000

/** Runs a program to its end and gives its output. Bounded in time. Throws an error with one line for people. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs = standardTimeoutMs, env }: { timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, encoding: 'utf8' as const, ...(env === undefined ? {} : { env }) }
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const [line = ''] = stderr.trim().split('\n')
      const reason = 'code' in error && error.code === 'ENOENT' ? 'it is not installed' : line || error.message
      return reject(new Error(`${program}: ${reason}`, { cause: error }))
    })
  })
}
