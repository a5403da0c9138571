import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'

const versionTimeoutMs = 5_000

/** The first version number that `program --version` prints, or undefined if the program does not run. */
export async function readProgramVersion(program: string, env?: NodeJS.ProcessEnv): Promise<string | undefined> {
  const output = await new Promise<string>((resolve) => {
    const options = { timeout: versionTimeoutMs, ...(env === undefined ? {} : { env }) }
    execFile(program, ['--version'], options, (error, stdout) => resolve(error === null ? stdout : ''))
  })
  return /\d+(\.\d+)+/.exec(output)?.[0]
}

/** Whether a version such as `2.10.27` is at least another; missing parts count as 0. */
export function isAtLeast(version: string, least: string): boolean {
  const parts = version.split('.').map(Number)
  const leastParts = least.split('.').map(Number)
  for (const [index, wanted] of leastParts.entries()) {
    const part = parts[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}

/** Servers are often installed where the PATH of people does not lead. */
const serverFolders = ['/usr/local/bin', '/usr/local/sbin', '/usr/bin', '/usr/sbin', '/opt/homebrew/bin']

/** The files of this name in the folders of a PATH, and in the usual folders of servers. */
export function findPrograms(name: string, searchPath: string): string[] {
  const folders = [...searchPath.split(path.delimiter), ...serverFolders].filter((folder) => path.isAbsolute(folder))
  return [...new Set(folders)].map((folder) => path.join(folder, name)).filter((program) => existsSync(program))
}
