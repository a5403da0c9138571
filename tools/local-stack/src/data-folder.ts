import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { BackingKind } from './backing-server.ts'
import { claimFolder, isClaimed } from './folder-claim.ts'
import { stopLeftover } from './leftover-server.ts'
import { LocalStackError } from './local-stack-error.ts'
import type { StopStep } from './server-process.ts'

/** The data of one server, held by this process until it is released. */
export interface DataFolder {
  readonly path: string
  readonly temporary: boolean
  /** Gives the folder back; a temporary one is removed. */
  release(): Promise<void>
}

/** Where each kind of server writes its process id, inside its data folder. */
export const pidFileNames = {
  postgres: 'data/postmaster.pid',
  nats: 'nats.pid',
  redis: 'redis.pid',
} as const satisfies Record<BackingKind, string>

/** A server that nobody owns any more has nothing to finish. */
const leftoverSteps: readonly StopStep[] = [
  { signal: 'SIGQUIT', waitMs: 2_000 },
  { signal: 'SIGKILL', waitMs: 2_000 },
]

/** A folder without an owner may be one that is being made at this moment. */
const newFolderAgeMs = 60_000

/**
 * Takes a data folder, or makes a temporary one. On the way it removes the temporary folders, and ends the servers,
 * that killed processes left behind.
 */
export async function openDataFolder(kind: BackingKind, wanted: string | undefined): Promise<DataFolder> {
  const folder = await makeFolder(kind, wanted)
  const claim = claimFolder(folder)
  const temporary = wanted === undefined
  if (temporary) await removeAbandoned(kind)
  return {
    path: folder,
    temporary,
    release: async () => {
      if (temporary) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
      else claim[Symbol.dispose]()
    },
  }
}

async function makeFolder(kind: BackingKind, wanted: string | undefined): Promise<string> {
  try {
    if (wanted === undefined) {
      const folder = await mkdtemp(path.join(tmpdir(), folderPrefix(kind)))
      // PostgreSQL may run under another account, which has to reach the folder inside.
      await chmod(folder, 0o711)
      return await realpath(folder)
    }
    await mkdir(wanted, { recursive: true, mode: 0o711 })
    return await realpath(wanted)
  } catch (error) {
    throw new LocalStackError(`cannot make the data folder of ${kind}: ${(error as Error).message}`, { cause: error })
  }
}

/** A random secret that is kept in a file which only this account reads. */
export async function keepSecret(file: string): Promise<string> {
  if (!existsSync(file)) {
    await writeFile(file, randomBytes(24).toString('base64url'), { mode: 0o600 })
  }
  return readFileSync(file, 'utf8').trim()
}

function folderPrefix(kind: BackingKind): string {
  return `qcore-${kind}-`
}

async function removeAbandoned(kind: BackingKind): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(folderPrefix(kind))) continue
    const folder = path.join(tmpdir(), name)
    if (!isAbandoned(folder)) continue
    await stopLeftover({ pidFile: path.join(folder, pidFileNames[kind]), ownPath: folder, steps: leftoverSteps })
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function isAbandoned(folder: string): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (stat === undefined || stat.uid !== process.getuid?.() || isClaimed(folder)) return false
  return existsSync(path.join(folder, 'owner.json')) || Date.now() - stat.mtimeMs > newFolderAgeMs
}
