import { Writable } from 'node:stream'
import { readSettings } from '@qcore/service'
import { pino } from 'pino'
import { Application, applicationVariables, type ApplicationOptions } from '../src/index.ts'

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly worker?: string
  readonly err?: { readonly message: string }
}

/** An application whose log lines can be looked at, and that reads nothing from the environment. */
export function loggedApplication(
  name = 'sample',
  options: ApplicationOptions = {},
): { app: Application; lines: LogLine[] } {
  const lines: LogLine[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as LogLine)
      done()
    },
  })
  const settings = readSettings(applicationVariables, { Q_LOG_LEVEL: 'info' })
  return { app: new Application(name, { settings, logger: pino({ level: 'info' }, stream), ...options }), lines }
}
