import { QError, type TokenClaims, type TokenLevel } from '@qcore/client'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession, type GlobalOptions, type Session } from '../session.ts'
import { addTokenKeeping } from './token-keeping.ts'

interface MintOptions {
  level: TokenLevel
  scope: string[]
  lifetime: number
}

export function addToken(program: Command, io: Io): void {
  const token = program.command('token').description('make, check, list and revoke tokens')
  addMint(token, io)
  addVerify(token, io)
  addTokenKeeping(token, io)
}

function addMint(token: Command, io: Io): void {
  token
    .command('mint')
    .description('print a new token; --token has to be the master token')
    .argument('<subject>', 'whom it is for: the writer of what it writes')
    .addOption(new Option('--level <level>', 'what it allows').choices(['read', 'write', 'admin']).default('read'))
    .option(
      '--scope <scope>',
      'a limit: store:NAME or service:NAME; or permission:NAME, which schemas ask for; may be repeated',
      collect,
      [],
    )
    .option('--lifetime <seconds>', 'how long it is good for', seconds, 3_600)
    .action((subject: string, { level, scope, lifetime }: MintOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const minted = await q.token.mint({ subject, level, scopes: scope, lifetimeSeconds: lifetime })
        await (json ? outJson(io, minted) : io.out(`${minted.token}\n`))
      }),
    )
}

function addVerify(token: Command, io: Io): void {
  token
    .command('verify')
    .description('show what a token says')
    .argument('[token]', 'the token; default: the one in use')
    .action((given: string | undefined, _options: unknown, command: Command) =>
      withSession(command, io, async (session) => {
        const own = command.optsWithGlobals<GlobalOptions>().token ?? io.env['Q_TOKEN']
        const checked = given ?? own
        if (checked === undefined) throw new QError('invalid_request', 'give the token to check', { field: 'token' })
        await showClaims(session, await session.q.token.verify(checked))
      }),
    )
}

async function showClaims({ io, json }: Session, claims: TokenClaims): Promise<void> {
  if (json) {
    await outJson(io, claims)
    return
  }
  const { subject, level, scopes, tokenId, issuedAt, expiresAt } = claims
  const rows = [
    ['subject', printable(subject)],
    ['level', level],
    ['scopes', scopes.length === 0 ? 'no limit' : scopes.map(printable).join(' ')],
    ['id', tokenId],
    ['issued', String(issuedAt)],
    ['expires', String(expiresAt)],
  ]
  await io.out(aligned(rows))
}

function collect(scope: string, before: readonly string[]): string[] {
  return [...before, scope]
}

function seconds(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It is a number of seconds.')
  return Number(text)
}
