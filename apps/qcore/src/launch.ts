import { authVariables, createAuth } from '@qcore/auth'
import { createGateway, gatewayVariables } from '@qcore/gateway'
import { createNotifier, notifierVariables } from '@qcore/notifier'
import { createReader, readerVariables } from '@qcore/reader'
import { createScheduler, schedulerVariables } from '@qcore/scheduler'
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
  scheduler: schedulerVariables,
  gateway: gatewayVariables,
} satisfies Record<Mode, object>

/** Reads the settings of a mode; calling what is returned starts it. */
function prepareMode(mode: Mode, env: Environment): () => Promise<Service> {
  switch (mode) {
    case 'auth':
      return startWith(createAuth, readSettings(authVariables, env))
    case 'reader':
      return startWith(createReader, readSettings(readerVariables, env))
    case 'writer':
      return startWith(createWriter, readSettings(writerVariables, env))
    case 'notifier':
      return startWith(createNotifier, readSettings(notifierVariables, env))
    case 'scheduler':
      return startWith(createScheduler, readSettings(schedulerVariables, env))
    case 'gateway':
      return startWith(createGateway, readSettings(gatewayVariables, env))
  }
}

function startWith<C>(create: (config: C) => Promise<Service>, config: C): () => Promise<Service> {
  return () => create(config)
}

/**
 * Starts the services of `Q_MODES`, all at once, for each waits for what it needs of the others; if one cannot be
 * started, none stays. Disposing stops them in the reverse order.
 *
 * @throws QError `configuration`
 */
export async function launch(env: Environment): Promise<AsyncDisposable> {
  const settings = readSettings(launcherVariables, env)
  const prepared = parseModes(settings.modes).map((mode) => prepareMode(mode, env))
  const services: Service[] = []
  await using started = new AsyncDisposableStack()
  if (settings.healthAddress !== undefined) {
    started.use(await openHealthServer(settings.healthAddress, () => services))
  }
  const results = await Promise.allSettled(prepared.map((start) => start()))
  for (const result of results) {
    if (result.status === 'fulfilled') services.push(started.use(result.value))
  }
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return started.move()
}

/** The settings in force for the modes of an environment, for people, without secrets. */
export function describeSettings(env: Environment): string {
  const wanted = parseModes(readSettings(launcherVariables, env).modes)
  const variables = [launcherVariables, ...wanted.map((mode) => variablesOfMode[mode])]
  const lines = variables.flatMap((each) => printSettings(each, env).split('\n'))
  return [...new Set(lines)].sort().join('\n')
}
