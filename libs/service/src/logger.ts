import { pino, type Logger } from 'pino'

export type { Logger } from 'pino'

export interface LoggerOptions {
  /** The service, for example `writer`. */
  service: string
  level: string
  instanceId: string
}

const redactedPaths = [
  'token',
  'secret',
  'password',
  'authorization',
  '*.token',
  '*.secret',
  '*.password',
  '*.authorization',
]

/** A logger that writes JSON lines to standard output. Secrets under their usual names are redacted. */
export function createLogger({ service, level, instanceId }: LoggerOptions): Logger {
  return pino({
    level,
    base: { service, instance: instanceId },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: redactedPaths, censor: '(redacted)' },
  })
}
