import { existsSync, realpathSync, statSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, rename } from 'node:fs/promises'
import path from 'node:path'
import { LocalStackError } from './local-stack-error.ts'
import type { ServerAccount } from './server-account.ts'

/** Where root keeps what an unprivileged account has to reach, if the checkout is behind a closed folder. */
const openFolder = '/var/lib/qcore'
const enterMode = 0o711

/** Whether an account may enter a folder, and all folders above it. */
export function canEnter(folder: string, { uid, gid }: ServerAccount): boolean {
  for (let current = realpathSync(folder); ; current = path.dirname(current)) {
    const stat = statSync(current)
    const bit = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001
    if ((stat.mode & bit) === 0) return false
    if (current === path.dirname(current)) return true
  }
}

/** The folder itself if the account can enter it, else a new one elsewhere. */
export async function reachableFolder(folder: string, account: ServerAccount | undefined): Promise<string> {
  if (account === undefined || canEnter(folder, account)) return folder
  await prepareOpenFolder(account)
  const made = await mkdtemp(path.join(openFolder, 'postgres-'))
  await chmod(made, enterMode)
  return made
}

/** The folder itself if the account can enter it, else a copy elsewhere, made once for each name. */
export async function reachableCopy(folder: string, name: string, account: ServerAccount | undefined): Promise<string> {
  if (account === undefined || canEnter(folder, account)) return folder
  const copy = path.join(openFolder, name)
  if (existsSync(copy)) return copy
  await prepareOpenFolder(account)
  const fresh = await mkdtemp(`${copy}-`)
  await cp(folder, fresh, { recursive: true, verbatimSymlinks: true })
  await chmod(fresh, 0o755)
  await rename(fresh, copy).catch((error: unknown) => {
    // Another process was faster: its copy is as good.
    if (!existsSync(copy)) throw error
  })
  return copy
}

async function prepareOpenFolder(account: ServerAccount): Promise<void> {
  try {
    await mkdir(openFolder, { recursive: true, mode: 0o755 })
    await chmod(openFolder, 0o755)
  } catch (error) {
    throw new LocalStackError(
      `PostgreSQL refuses to run as root, and the account ${account.name} can reach neither the data folder nor ` +
        `${openFolder}; set Q_DATA_DIR to a folder that it can enter`,
      { cause: error },
    )
  }
}
