import { realpathSync, rmSync } from 'node:fs'
import { chmod, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'

/** A folder that is removed after the test. */
export async function makeTemporaryFolder(mode = 0o755): Promise<string> {
  const folder = await mkdtemp(path.join(realpathSync(tmpdir()), 'local-stack-test-'))
  await chmod(folder, mode)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}
