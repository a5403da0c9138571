import path from 'node:path'
import { LocalStackError } from './local-stack-error.ts'
import { makeSecret, readFileIfAny, writePrivateFile } from './private-file.ts'

/** The secrets of a deployment, under the names of the variables that carry them. */
export interface Secrets {
  readonly Q_AUTH_SECRET: string
  readonly Q_MASTER_TOKEN: string
}

/** The secrets of a data folder; made once, so that tokens outlive a restart. */
export async function keepSecrets(folder: string): Promise<Secrets> {
  const file = path.join(folder, 'secrets.json')
  const known = readFileIfAny(file)
  if (known !== undefined) return parseSecrets(known, file)
  const secrets = { Q_AUTH_SECRET: makeSecret(), Q_MASTER_TOKEN: makeSecret() }
  await writePrivateFile(file, `${JSON.stringify(secrets, null, 2)}\n`)
  return secrets
}

function parseSecrets(content: string, file: string): Secrets {
  try {
    const { Q_AUTH_SECRET, Q_MASTER_TOKEN } = JSON.parse(content) as Record<string, unknown>
    if (typeof Q_AUTH_SECRET === 'string' && typeof Q_MASTER_TOKEN === 'string')
      return { Q_AUTH_SECRET, Q_MASTER_TOKEN }
  } catch {
    // Said below: it is damaged either way.
  }
  throw new LocalStackError(`${file} is damaged; delete it to get new secrets, which end all tokens`)
}
