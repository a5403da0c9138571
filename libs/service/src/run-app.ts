import { isQError } from '@qcore/errors'
import {
  printSettings,
  processEnvironment,
  readSettings,
  type Environment,
  type SettingsOf,
  type Variables,
} from './env.ts'
import { enableFailpoints } from './failpoint.ts'
import { openHealthServer } from './health-server.ts'
import { createLogger, type Logger } from './logger.ts'
import { runUntilSignal } from './run.ts'
import type { Service } from './service.ts'
import { serviceVariables } from './service-variables.ts'

/** A program that runs until a signal. */
export interface Program {
  /** For its log lines. */
  name: string
  /** The settings in force, for `--print-config`. */
  describe: (env: Environment) => string
  start: (env: Environment, logger: Logger) => Promise<AsyncDisposable>
}

/** For a `main.ts`: runs a program, or prints its settings. A wrong setting is one line on standard error. */
export async function runProgram({ name, describe, start }: Program): Promise<void> {
  const env = processEnvironment()
  try {
    if (process.argv.includes('--print-config')) {
      process.stdout.write(`${describe(env)}\n`)
      return
    }
    const { instanceId, logLevel: level, shutdownTimeoutMs } = readSettings(serviceVariables, env)
    const logger = createLogger({ service: name, level, instanceId })
    enableFailpoints(env)
    await runUntilSignal(() => start(env, logger), { logger, shutdownTimeoutMs })
  } catch (error) {
    if (!isQError(error, 'configuration')) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

/** For the `main.ts` of an app: runs its service alone, with the health server that `Q_HEALTH_ADDR` asks for. */
export async function runApp<V extends Variables>(
  name: string,
  variables: V,
  create: (config: SettingsOf<V>, overrides: { logger: Logger }) => Promise<Service>,
): Promise<void> {
  await runProgram({
    name,
    describe: (env) => printSettings(variables, env),
    async start(env, logger) {
      const config = readSettings(variables, env)
      const { healthAddress } = readSettings({ healthAddress: serviceVariables.healthAddress }, env)
      await using parts = new AsyncDisposableStack()
      const services: Service[] = []
      if (healthAddress !== undefined) parts.use(await openHealthServer(healthAddress, () => services))
      services.push(parts.use(await create(config, { logger })))
      return parts.move()
    },
  })
}
