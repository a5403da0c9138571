import { open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { here, type Placement } from '../cluster/cluster-node.ts'
import { runProgram } from './run-program.ts'

const offsetBytes = 8

/** The wall clocks of some nodes. */
export interface WallClocks {
  place(name: string): Placement
  /** Moves the clock of a node, while it runs. */
  move(name: string, seconds: number): Promise<void>
}

/** Builds the library that moves clocks, and a file for each node that says by how much. Needs a C compiler. */
export async function openWallClocks(folder: string, names: readonly string[]): Promise<WallClocks> {
  const library = path.join(folder, 'clock-shim.so')
  const source = path.join(import.meta.dirname, 'clock-shim.c')
  await runProgram('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'])
  const fileOf = (name: string): string => path.join(folder, `clock-of-${name}`)
  for (const name of names) await writeFile(fileOf(name), Buffer.alloc(offsetBytes))
  return {
    place: (name) =>
      names.includes(name) ? { ...here, env: { LD_PRELOAD: library, CLOCK_OFFSET_FILE: fileOf(name) } } : here,
    move: async (name, seconds) => {
      const offset = Buffer.alloc(offsetBytes)
      offset.writeBigInt64LE(BigInt(seconds))
      // In place: the node has the file mapped.
      const file = await open(fileOf(name), 'r+')
      try {
        await file.write(offset, 0, offsetBytes, 0)
      } finally {
        await file.close()
      }
    },
  }
}
