import { isQError } from '@qcore/errors'
import { createLogger, readSettings, runUntilSignal } from '@qcore/service'
import { describeSettings, launch, launcherVariables } from './launch.ts'

try {
  const { instanceId, logLevel, shutdownTimeoutMs } = readSettings(launcherVariables, process.env)
  if (process.argv.includes('--print-config')) {
    console.log(describeSettings(process.env))
  } else {
    const logger = createLogger({ service: 'qcore', level: logLevel, instanceId })
    await runUntilSignal(() => launch(process.env), { logger, shutdownTimeoutMs })
  }
} catch (error) {
  if (!isQError(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}
