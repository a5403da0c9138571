import { QError, type AuditEntry, type RevocationTarget, type TokenRecord } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

interface ListOptions {
  subject?: string
  ended?: boolean
}

interface RevokeOptions {
  subject?: string
  reason: string
}

interface AuditOptions {
  subject?: string
  action?: string
  limit: number
}

/** Adds what is done with tokens after they were made. */
export function addTokenKeeping(token: Command, io: Io): void {
  addList(token, io)
  addRevoke(token, io)
  addRotate(token, io)
  addAudit(token, io)
}

function addList(token: Command, io: Io): void {
  token
    .command('list')
    .description('list the tokens that were minted, newest first; needs level admin')
    .option('--subject <subject>', 'those of one subject')
    .option('--ended', 'also those that have ended, or were revoked')
    .action(({ subject, ended = false }: ListOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const found: TokenRecord[] = []
        const filter = { includeEnded: ended, ...(subject === undefined ? {} : { subject }) }
        for (let pageToken = ''; ;) {
          const { tokens, nextPageToken } = await q.token.list({ ...filter, pageSize: 1_000, pageToken })
          found.push(...tokens)
          if (nextPageToken === '') break
          pageToken = nextPageToken
        }
        if (json) for (const each of found) await outJson(io, jsonOf(each))
        else if (found.length > 0) await io.out(aligned([header, ...found.map(rowOf)]))
      }),
    )
}

function addRevoke(token: Command, io: Io): void {
  token
    .command('revoke')
    .description('end a token before its time, or all of a subject; needs level admin')
    .argument('[token]', 'the token, or its id')
    .option('--subject <subject>', 'all tokens of the subject that were made until now')
    .option('--reason <text>', 'why, for the list and the audit log', '')
    .action((given: string | undefined, { subject, reason }: RevokeOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const revoked = await q.token.revoke(targetOf(given, subject), reason)
        await (json ? outJson(io, { revoked }) : io.out(`${revoked} revoked\n`))
      }),
    )
}

function addRotate(token: Command, io: Io): void {
  token
    .command('rotate-key')
    .description('make a new key to sign tokens with; needs level admin')
    .action((_options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const { keyId, signsFrom } = await q.token.rotateKey()
        await (json
          ? outJson(io, { keyId, signsFrom: signsFrom.toString() })
          : io.out(`${keyId} signs from ${signsFrom.toString()}\n`))
      }),
    )
}

function addAudit(token: Command, io: Io): void {
  token
    .command('audit')
    .description('show what was done with tokens, keys and runs of schedules, and by whom; needs level admin')
    .option('--subject <subject>', 'only what one subject did; `master` is the master token')
    .option('--action <action>', 'only one, as token.mint or schedule.run')
    .option('--limit <count>', 'how many, the newest first', count, 100)
    .action(({ limit, ...filter }: AuditOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const { entries } = await q.token.audit({ ...filter, pageSize: limit })
        if (json) for (const each of entries) await outJson(io, auditJson(each))
        else await io.out(aligned(entries.map(auditRow)))
      }),
    )
}

const header = ['id', 'subject', 'level', 'scopes', 'expires', 'key', '']

function rowOf({ claims, keyId, revokedAt, revokedBy, reason }: TokenRecord): string[] {
  const { tokenId, subject, level, scopes, expiresAt } = claims
  const revoked = revokedAt === undefined ? '' : `revoked ${revokedAt.toString()} by ${revokedBy} ${reason}`.trim()
  const key = keyId === '' ? 'secret' : keyId
  return [
    tokenId,
    printable(subject),
    level,
    scopes.map(printable).join(' '),
    expiresAt.toString(),
    key,
    printable(revoked),
  ]
}

function jsonOf({ claims, revokedAt, ...rest }: TokenRecord) {
  const { issuedAt, expiresAt, ...said } = claims
  const times = { issuedAt: issuedAt.toString(), expiresAt: expiresAt.toString() }
  return { ...said, ...times, ...rest, revokedAt: revokedAt?.toString() ?? null }
}

function auditRow({ at, subject, action, target, detail }: AuditEntry): string[] {
  return [at.toString(), printable(subject), action, printable(target), printable(detail)]
}

function auditJson({ auditId, at, detail, ...rest }: AuditEntry) {
  return { auditId: String(auditId), at: at.toString(), ...rest, detail: JSON.parse(detail) as unknown }
}

function targetOf(given: string | undefined, subject: string | undefined): RevocationTarget {
  if (given !== undefined && subject === undefined) return given.includes('.') ? { token: given } : { tokenId: given }
  if (given === undefined && subject !== undefined) return { subject }
  throw new QError('invalid_request', 'give either a token or --subject', { field: 'target' })
}

function count(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1_000) return Number(text)
  throw new InvalidArgumentError('It is a number from 1 to 1000.')
}
