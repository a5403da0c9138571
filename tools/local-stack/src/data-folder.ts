import { existsSync, statSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { claimFileName, claimFolder, isClaimed } from './folder-claim.ts'
import { LocalStackError } from './local-stack-error.ts'

/** A folder of data, held by this process until it is released. */
export interface DataFolder {
  readonly path: string
  readonly temporary: boolean
  /** Gives the folder back; a temporary one is removed. */
  release(): Promise<void>
}

export interface FolderRequest {
  /** What it is for, as `postgres`; part of the name of a temporary one. */
  readonly kind: string
  /** Absent: a temporary folder. */
  readonly wanted: string | undefined
  /** Ends what a process that was killed left running on a folder. */
  endLeftovers(this: void, folder: string): Promise<void>
}

/** Others enter on their way to what is theirs, and see nothing on it: PostgreSQL may run under another account. */
const folderMode = 0o711

/** A folder without an owner may be one that is being made at this moment. */
const newFolderAgeMs = 60_000

/** Takes a data folder, or makes a temporary one, and ends what killed processes left running on them. */
export async function openDataFolder({ kind, wanted, endLeftovers }: FolderRequest): Promise<DataFolder> {
  const folder = await makeFolder(kind, wanted)
  const claim = claimFolder(folder)
  const temporary = wanted === undefined
  try {
    if (temporary) await removeAbandoned(kind, endLeftovers)
    else await endLeftovers(folder)
  } catch (error) {
    claim[Symbol.dispose]()
    throw error
  }
  return {
    path: folder,
    temporary,
    release: async () => {
      if (temporary) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
      else claim[Symbol.dispose]()
    },
  }
}

async function makeFolder(kind: string, wanted: string | undefined): Promise<string> {
  try {
    const made = wanted ?? (await mkdtemp(path.join(tmpdir(), folderPrefix(kind))))
    const created = await mkdir(made, { recursive: true, mode: folderMode })
    if (wanted === undefined || created !== undefined) await chmod(made, folderMode)
    // The path is looked for in the command lines of servers: it has to be the same each time.
    return await realpath(made)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOSPC' ? 'the disk is full' : message
    throw new LocalStackError(`cannot make the data folder of ${kind}: ${reason}`, { cause: error })
  }
}

function folderPrefix(kind: string): string {
  return `qcore-local-${kind}-`
}

async function removeAbandoned(kind: string, endLeftovers: FolderRequest['endLeftovers']): Promise<void> {
  const parent = await realpath(tmpdir())
  for (const name of await readdir(parent)) {
    const folder = path.join(parent, name)
    if (!name.startsWith(folderPrefix(kind)) || !isAbandoned(folder)) continue
    await endLeftovers(folder)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function isAbandoned(folder: string): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (stat === undefined || stat.uid !== process.getuid?.() || isClaimed(folder)) return false
  return existsSync(path.join(folder, claimFileName)) || Date.now() - stat.mtimeMs > newFolderAgeMs
}
