import { readFileSync } from 'node:fs'
import type { Client } from '@qcore/client'
import type { RunningSystem } from '@qcore/local-stack'

/** What the measurements of notifications work with. */
export interface NotifyBench {
  readonly system: RunningSystem
  readonly q: Client
  readonly ids: readonly string[]
  readonly quick: boolean
  readonly rounds: number
}

/** The memory of a service that only it has, in bytes. Linux only. */
export function residentBytes({ system }: NotifyBench, name: string): number {
  const process = system.processes.find((each) => each.name === name)
  const status = readFileSync(`/proc/${process?.pid}/status`, 'utf8')
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1_024
}

/** The same once it has not grown for a while: what it made on the way is collected, or is not. */
export async function settledBytes(bench: NotifyBench, name: string): Promise<number> {
  let least = Infinity
  for (let look = 0; look < (bench.quick ? 2 : 8); look++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    least = Math.min(least, residentBytes(bench, name))
  }
  return least
}
