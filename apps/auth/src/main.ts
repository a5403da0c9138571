import { isQError } from '@qcore/errors'
import { createLogger, printSettings, readSettings, runUntilSignal } from '@qcore/service'
import { authVariables, createAuth } from './service.ts'

try {
  if (process.argv.includes('--print-config')) {
    console.log(printSettings(authVariables, process.env))
  } else {
    const config = readSettings(authVariables, process.env)
    const logger = createLogger({ service: 'auth', level: config.logLevel, instanceId: config.instanceId })
    await runUntilSignal(() => createAuth(config, { logger }), {
      logger,
      shutdownTimeoutMs: config.shutdownTimeoutMs,
    })
  }
} catch (error) {
  if (!isQError(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}
