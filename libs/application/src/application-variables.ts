import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { isLeadershipAddress } from '@qcore/leadership'
import { serviceVariables, text, variable, type SettingsOf } from '@qcore/service'

const no = ['', '0', 'false', 'no']

/** The settings of an application. */
export const applicationVariables = {
  store: serviceVariables.store,
  natsAddress: serviceVariables.natsAddress,
  token: variable('Q_TOKEN', text().optional(), 'Token of an application, of level write or admin.', { secret: true }),
  instanceId: variable('Q_INSTANCE_ID', text().optional(), serviceVariables.instanceId.description),
  inDocker: variable(
    'Q_IN_DOCKER',
    text().transform((value) => !no.includes(value.toLowerCase())),
    'Set in a container: the name of the instance is then its host name. 0, false and no are as unset.',
    { default: 'false' },
  ),
  logLevel: serviceVariables.logLevel,
  healthAddress: serviceVariables.healthAddress,
  leaderStoreAddress: variable(
    'Q_LEADER_STORE_ADDR',
    text().refine(isLeadershipAddress, 'is neither host:port, redis://…, postgres://… nor qcore'),
    'Where an application elects its leader: `host:port` of a Redis, redis://…, postgres://…, or `qcore` for the store itself.',
    { default: 'redis:6379', secret: true },
  ),
  leaderStorePassword: variable('Q_LEADER_STORE_PASSWORD', text().optional(), 'Password of that Redis or PostgreSQL.', {
    secret: true,
  }),
} as const

export type ApplicationSettings = SettingsOf<typeof applicationVariables>

/** The name of this process among those of its application: as set, the container's, or one that no other has. */
export function instanceIdOf({ instanceId, inDocker }: Pick<ApplicationSettings, 'instanceId' | 'inDocker'>): string {
  if (instanceId !== undefined) return instanceId
  return inDocker ? hostname() : `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`
}

/** Where the store of an application is: for `connect`. */
export function connectionOf({ natsAddress, store, token }: ApplicationSettings) {
  return { servers: natsAddress, store, ...(token === undefined ? {} : { token }) }
}
