import path from 'node:path'
import type { Environment } from '@qcore/service'
import type { BackingServer } from './backing-server.ts'
import { freePort, loopback } from './free-port.ts'
import { recordProcesses } from './process-record.ts'
import type { ReadinessProbe } from './readiness.ts'
import type { Secrets } from './secrets.ts'
import type { ServiceLog } from './service-log.ts'
import { planProcess, shutdownTimeoutMs, type ServiceProcess } from './service-process.ts'
import { formatAddress, gatewayUrl, type WebAddress } from './web-address.ts'
import { workspaceFolder } from './workspace.ts'

export const allModes = ['auth', 'writer', 'reader', 'notifier', 'scheduler', 'gateway'] as const

/** What the processes of a system have in common. */
export interface ProcessSetting {
  readonly modes: readonly string[]
  /** One process for each mode. */
  readonly separate: boolean
  readonly env: Environment
  readonly store: string
  readonly web: WebAddress
  readonly secrets: Secrets
  readonly postgres: BackingServer
  readonly nats: BackingServer
  readonly log: ServiceLog
  /** Where the processes are recorded. */
  readonly folder: string
}

/** Plans the processes of a system, in the order in which they are stopped last to first. */
export async function planProcesses(setting: ProcessSetting): Promise<ServiceProcess[]> {
  const { modes, separate, folder } = setting
  const processes: ServiceProcess[] = []
  const onSpawn = (): void => {
    const pids = processes.map(({ pid }) => pid).filter((pid) => pid !== 0)
    recordProcesses(folder, pids)
  }
  for (const group of separate ? modes.map((mode) => [mode]) : [modes]) {
    const healthPort = await freePort()
    // Alone, a service is its own app; several in one process are the launcher's.
    const name = separate ? group.join() : 'qcore'
    processes.push(
      planProcess({
        name,
        program: path.join(workspaceFolder, 'apps', name, 'src/main.ts'),
        env: groupEnvironment(group, healthPort, setting),
        readiness: groupReadiness(group, healthPort, setting),
        log: setting.log,
        onSpawn,
      }),
    )
  }
  return processes
}

function groupEnvironment(group: readonly string[], healthPort: number, setting: ProcessSetting): Environment {
  const { env, store, web, secrets, postgres, nats } = setting
  return {
    Q_SHUTDOWN_TIMEOUT_MS: String(shutdownTimeoutMs),
    // The first steps that Qhronos' README shows ask for a token that ended in 2024.
    ...(group.includes('gateway') ? { Q_QHRONOS_PAST_EXPIRY_SECONDS: '86400' } : {}),
    ...env,
    Q_MODES: group.join(','),
    Q_STORE: store,
    Q_POSTGRES_ADDR: postgres.url,
    Q_NATS_ADDR: nats.url,
    Q_WEB_ADDR: formatAddress(web),
    Q_HEALTH_ADDR: `${loopback}:${healthPort}`,
    Q_AUTH_SECRET: secrets.Q_AUTH_SECRET,
    ...(group.includes('auth') ? { Q_MASTER_TOKEN: secrets.Q_MASTER_TOKEN } : {}),
  }
}

function groupReadiness(
  group: readonly string[],
  healthPort: number,
  { modes, web }: ProcessSetting,
): readonly ReadinessProbe[] {
  const own = `http://${loopback}:${healthPort}`
  if (!group.includes('gateway')) return [{ url: `${own}/readyz`, services: group }]
  const atGateway = gatewayUrl(web)
  if (allModes.every((mode) => modes.includes(mode))) {
    return [
      { url: `${own}/readyz`, services: group },
      { url: `${atGateway}/readyz`, services: [] },
    ]
  }
  // The gateway is ready when all services are: if some are left out on purpose, it can only be alive.
  return [own, atGateway].map((url) => ({ url: `${url}/livez`, services: [] }))
}
