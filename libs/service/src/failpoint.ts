import { readFileSync, writeFileSync } from 'node:fs'
import { QError } from '@qcore/errors'
import type { Environment } from './env.ts'

const fileVariable = 'Q_FAILPOINTS'

interface Armed {
  readonly name: string
  readonly file: string
}

let armed: Armed | undefined

/**
 * A place where a fault test may end the process, as a crash would: at once, with nothing flushed. Does nothing unless
 * the place was armed, which only a process can be that was started for it.
 *
 * @param name `<app>.<place>`
 */
export function failpoint(name: string): void {
  if (armed?.name !== name) return
  writeFileSync(`${armed.file}.fired`, name)
  process.kill(process.pid, 'SIGKILL')
}

/**
 * Lets SIGUSR2 arm a place, if `Q_FAILPOINTS` names a file; the file has the name of the place then. When it fires, it
 * leaves its name in a file beside it, with the ending `.fired`.
 *
 * @throws QError `configuration` in production, where nobody may end a process so
 */
export function enableFailpoints(env: Environment): void {
  const file = env[fileVariable] ?? ''
  if (file === '') return
  if (env['NODE_ENV'] === 'production') {
    throw new QError('configuration', `${fileVariable} is for fault tests: it cannot be set in production`, {
      field: fileVariable,
    })
  }
  process.on('SIGUSR2', () => {
    armed = { name: readFileSync(file, 'utf8').trim(), file }
  })
}
