import { existsSync } from 'node:fs'
import { runProgram } from './run-program.ts'

/** What faults need of a machine that not every machine has. */
export type Ability = 'namespaces' | 'loop devices' | 'strace' | 'compiler'

const probeMs = 5_000

const probes: Readonly<Record<Ability, () => Promise<string | undefined>>> = {
  namespaces: async () => {
    const name = `qprobe${process.pid}`
    return (
      needRoot() ??
      (await tryTo([
        ['ip', 'netns', 'add', name],
        ['ip', 'netns', 'delete', name],
      ]))
    )
  },
  'loop devices': async () => {
    if (!existsSync('/dev/loop-control')) return 'there is no /dev/loop-control'
    return (
      needRoot() ??
      (await tryTo([
        ['losetup', '--find'],
        ['mkfs.ext4', '-V'],
      ]))
    )
  },
  strace: async () => needRoot() ?? (await tryTo([['strace', '-qq', '-o', '/dev/null', 'true']])),
  compiler: async () => tryTo([['cc', '--version']]),
}

const known = new Map<Ability, Promise<string | undefined>>()

/** Why the machine cannot do something; undefined if it can. */
export function missingAbility(ability: Ability): Promise<string | undefined> {
  return known.getOrInsertComputed(ability, async () => {
    if (process.platform !== 'linux') return 'this is no Linux'
    return probes[ability]()
  })
}

function needRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : 'this is not run as root'
}

async function tryTo(commands: readonly [string, ...string[]][]): Promise<string | undefined> {
  for (const [program, ...args] of commands) {
    try {
      await runProgram(program, args, { timeoutMs: probeMs })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }
  return undefined
}
