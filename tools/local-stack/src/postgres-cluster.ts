import { existsSync, realpathSync } from 'node:fs'
import { chown, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { LocalStackError } from './local-stack-error.ts'
import type { PostgresPrograms } from './postgres-programs.ts'
import { keepSecret } from './private-file.ts'
import { reachableFolder } from './reachable-folder.ts'
import { runCommand, type CommandError } from './run-command.ts'
import type { ServerAccount } from './server-account.ts'
import { explainFailure } from './start-failure.ts'

export const superuser = 'qcore'

const initTimeoutMs = 60_000

export interface ClusterRequest {
  /** The local stack's folder; the cluster is in it. */
  readonly folder: string
  /** Whom the cluster belongs to; absent: this process's account. */
  readonly account: ServerAccount | undefined
  readonly durable: boolean
}

/** The cluster's own folder, which PostgreSQL calls PGDATA; it may be a link to where its account can reach it. */
export function clusterFolder(folder: string): string {
  const named = path.join(folder, 'data')
  return existsSync(named) ? realpathSync(named) : named
}

/** Makes the cluster if there is none: all of it or nothing. Gives the superuser's password. */
export async function prepareCluster(programs: PostgresPrograms, request: ClusterRequest): Promise<string> {
  const { folder, account, durable } = request
  const password = await keepSecret(path.join(folder, 'password'))
  if (existsSync(clusterFolder(folder))) return password

  const home = await reachableFolder(folder, account)
  const fresh = path.join(home, 'data.new')
  const passwordFile = path.join(home, 'password.new')
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (account !== undefined) {
    await chown(fresh, account.uid, account.gid)
    await chown(passwordFile, account.uid, account.gid)
  }
  const args = ['-D', fresh, '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
  args.push('-E', 'UTF8', '--locale=C', ...(durable ? [] : ['--no-sync']))
  try {
    const identity = account === undefined ? {} : { uid: account.uid, gid: account.gid }
    await runCommand(programs.initdb, args, { cwd: home, timeoutMs: initTimeoutMs, ...identity })
  } catch (error) {
    const { message, output } = error as CommandError
    throw new LocalStackError(explainFailure('PostgreSQL', output, message), { cause: error })
  } finally {
    await rm(passwordFile, { force: true })
  }
  const cluster = path.join(home, 'data')
  await rename(fresh, cluster)
  if (home !== folder) await symlink(cluster, path.join(folder, 'data'))
  return password
}
