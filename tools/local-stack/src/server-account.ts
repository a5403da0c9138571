import { readFileSync } from 'node:fs'

export interface ServerAccount {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** In this order: an account of PostgreSQL's own, or the one that owns nothing. */
const accountNames = ['postgres', 'nobody']

/** The account to run PostgreSQL as, which refuses to be root; undefined if this process is not root. */
export function unprivilegedAccount(): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const wanted of accountNames) {
    const found = accounts.find(([name]) => name === wanted)
    if (found !== undefined) return { name: wanted, uid: Number(found[2]), gid: Number(found[3]) }
  }
  // NOTE: ids need no entry in the password file to be used.
  return { name: '65534', uid: 65_534, gid: 65_534 }
}
