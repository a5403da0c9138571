import { authVariables, createAuth } from '@qcore/auth'
import { createGateway, gatewayVariables } from '@qcore/gateway'
import { createNotifier, notifierVariables } from '@qcore/notifier'
import { createReader, readerVariables } from '@qcore/reader'
import {
  openHealthServer,
  printSettings,
  readSettings,
  serviceVariables,
  text,
  variable,
  type Environment,
  type Service,
} from '@qcore/service'
import { createWriter, writerVariables } from '@qcore/writer'
import { modes, parseModes, type Mode } from './modes.ts'

/** The settings of the launcher itself. */
export const launcherVariables = {
  modes: variable(
    'Q_MODES',
    text(),
    `The services that the process runs, separated by commas: ${modes.join(', ')}. For the image and apps/qcore.`,
    { default: modes.join(',') },
  ),
  healthAddress: serviceVariables.healthAddress,
  logLevel: serviceVariables.logLevel,
  instanceId: serviceVariables.instanceId,
  shutdownTimeoutMs: serviceVariables.shutdownTimeoutMs,
} as const

const variablesOfMode = {
  auth: authVariables,
  reader: readerVariables,
  writer: writerVariables,
  notifier: notifierVariables,
  gateway: gatewayVariables,
} satisfies Record<Mode, object>

function startMode(mode: Mode, env: Environment): Promise<Service> {
  switch (mode) {
    case 'auth':
      return createAuth(readSettings(authVariables, env))
    case 'reader':
      return createReader(readSettings(readerVariables, env))
    case 'writer':
      return createWriter(readSettings(writerVariables, env))
    case 'notifier':
      return createNotifier(readSettings(notifierVariables, env))
    case 'gateway':
      return createGateway(readSettings(gatewayVariables, env))
  }
}

/**
 * Starts the services of `Q_MODES`, all or none; disposing stops them in the reverse order.
 *
 * @throws QError `configuration`
 */
export async function launch(env: Environment): Promise<AsyncDisposable> {
  const settings = readSettings(launcherVariables, env)
  const wanted = parseModes(settings.modes)
  const services: Service[] = []
  await using started = new AsyncDisposableStack()
  if (settings.healthAddress !== undefined) {
    started.use(await openHealthServer(settings.healthAddress, () => services))
  }
  for (const mode of wanted) services.push(started.use(await startMode(mode, env)))
  return started.move()
}

/** The settings in force for the modes of an environment, for people, without secrets. */
export function describeSettings(env: Environment): string {
  const wanted = parseModes(readSettings(launcherVariables, env).modes)
  const variables = [launcherVariables, ...wanted.map((mode) => variablesOfMode[mode])]
  const lines = variables.flatMap((each) => printSettings(each, env).split('\n'))
  return [...new Set(lines)].sort().join('\n')
}
