import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { LocalStackError } from './local-stack-error.ts'

/** Writes a file that only this account reads, in one step: a crash or a full disk leaves the old one or none. */
export async function writePrivateFile(file: string, content: string): Promise<void> {
  const fresh = `${file}.new`
  try {
    await rm(fresh, { force: true })
    const handle = await open(fresh, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOSPC' ? 'the disk is full' : message
    throw new LocalStackError(`cannot write ${file}: ${reason}`, { cause: error })
  }
}

/** The text of a file, or undefined if there is none. */
export function readFileIfAny(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LocalStackError(`cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** A new random secret of 32 bytes, 43 characters. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A random secret that is made once and kept in a file. */
export async function keepSecret(file: string): Promise<string> {
  const known = readFileIfAny(file)?.trim()
  if (known !== undefined && known !== '') return known
  const secret = makeSecret()
  await writePrivateFile(file, secret)
  return secret
}
