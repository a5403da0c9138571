import { QError, type ConfigEntry, type ConfigInstance, type PastConfigChange } from '@qcore/client'
import { decodeValue, encodeValue, type JsonValue } from '@qcore/json'
import { InvalidArgumentError, type Command } from 'commander'
import { describeError } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

interface SetOptions {
  readonly text?: boolean
  readonly ifRevision?: number
  readonly ttl?: number
}

interface HistoryOptions {
  readonly prefix?: string
  readonly before?: number
  readonly limit: number
}

interface WatchOptions {
  readonly after?: number
  readonly count?: number
}

const defaultLimit = 50

export function addConfig(program: Command, io: Io): void {
  const config = program.command('config').description('read, change and follow the configuration')
  addReads(config, io)
  addWrites(config, io)
  addHistory(config, io)
  addRollback(config, io)
  addFollowing(config, io)
}

function addReads(config: Command, io: Io): void {
  config
    .command('get')
    .description('show the value of a key, as JSON')
    .argument('<key>')
    .action((key: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const entry = await q.config.getEntry(key)
        await io.out(`${json ? jsonOfEntry(entry) : encodeValue(entry.value)}\n`)
      }),
    )
  config
    .command('list')
    .description('show the keys with a prefix, and their values')
    .argument('[prefix]', 'otherwise all', '')
    .action((prefix: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        for await (const entry of q.config.list(prefix)) {
          await io.out(`${json ? jsonOfEntry(entry) : `${printable(entry.key)}  ${encodeValue(entry.value)}`}\n`)
        }
      }),
    )
}

function addWrites(config: Command, io: Io): void {
  config
    .command('set')
    .description('give a key a value')
    .argument('<key>')
    .argument('<value>', 'JSON; - reads the standard input')
    .option('--text', 'the value is text as it is, not JSON')
    .option('--if-revision <revision>', 'only if the key is at this revision; 0: if it is not there', wholeNumber)
    .option('--ttl <seconds>', 'the key is deleted by itself after this', seconds)
    .action((key: string, given: string, { text = false, ifRevision, ttl }: SetOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const value = given === '-' ? await io.readInput() : given
        const condition = ifRevision === undefined ? {} : { ifRevision }
        const life = ttl === undefined ? {} : { ttlMs: ttl * 1_000 }
        const result = await q.config.set(key, text ? value : parseJson(value), { ...condition, ...life })
        if (json) await outJson(io, result)
        else await io.out(`${result.changed ? 'set' : 'unchanged'} at revision ${result.revision}\n`)
      }),
    )
  config
    .command('delete')
    .description('delete a key')
    .argument('<key>')
    .option('--if-revision <revision>', 'only if the key is at this revision', wholeNumber)
    .action((key: string, { ifRevision }: SetOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const result = await q.config.delete(key, ifRevision === undefined ? {} : { ifRevision })
        if (json) await outJson(io, result)
        else await io.out(result.changed ? `deleted at revision ${result.revision}\n` : 'was not there\n')
      }),
    )
}

function addHistory(config: Command, io: Io): void {
  config
    .command('history')
    .description('show who changed what when, the newest first')
    .argument('[key]', 'otherwise all keys')
    .option('--prefix <prefix>', 'of the keys with a prefix')
    .option('--before <revision>', 'before a revision of the configuration', wholeNumber)
    .option('--limit <number>', 'at most so many', wholeNumber, defaultLimit)
    .action((key: string | undefined, { prefix, before, limit }: HistoryOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const which = { ...(key === undefined ? {} : { key }), ...(prefix === undefined ? {} : { prefix }) }
        const query = { ...which, limit, ...(before === undefined ? {} : { before }) }
        for await (const change of q.config.history(query)) {
          await io.out(`${json ? jsonOfChange(change) : textOfChange(change)}\n`)
        }
      }),
    )
}

function addRollback(config: Command, io: Io): void {
  config
    .command('rollback')
    .description('give keys the values that they had at a revision')
    .argument('<revision>', 'of the configuration', wholeNumber)
    .argument('[key]', 'one key; otherwise all, or those with a prefix')
    .option('--prefix <prefix>', 'the keys with a prefix')
    .action((revision: number, key: string | undefined, { prefix }: { prefix?: string }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const which = { ...(key === undefined ? {} : { key }), ...(prefix === undefined ? {} : { prefix }) }
        const result = await q.config.rollback(revision, which)
        if (json) await outJson(io, result)
        else await io.out(result.keys.map((each) => `${printable(each)}\n`).join(''))
      }),
    )
}

function addFollowing(config: Command, io: Io): void {
  config
    .command('watch')
    .description('show changes as they happen, until Ctrl-C')
    .argument('[prefix]', 'of the keys with a prefix', '')
    .option('--after <revision>', 'begin after a revision of the configuration instead of now', wholeNumber)
    .option('--count <changes>', 'end after so many', wholeNumber)
    .action((prefix: string, { after, count = Infinity }: WatchOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        let left = count
        const enough = Promise.withResolvers<void>()
        const subscription = await q.config.watch(
          async (changes) => {
            for (const change of changes.slice(0, left)) {
              await io.out(`${json ? jsonOfChange(change) : textOfChange(change)}\n`)
            }
            left -= changes.length
            if (left <= 0) enough.resolve()
          },
          {
            prefix,
            ...(after === undefined ? {} : { from: { revision: after } }),
            onInterruption: (error) => io.err(`qcore: interrupted, going on: ${describeError(error)}\n`),
          },
        )
        await Promise.race([subscription.ended, enough.promise])
        await subscription.close()
      }),
    )
  config
    .command('status')
    .description('show every instance that follows the configuration, and whether it is in sync')
    .action((_options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const { instances, ...table } = await q.config.status()
        if (json) return outJson(io, { ...table, instances: instances.map(jsonOfInstance) })
        await io.out(`revision ${table.revision}, ${table.entries} keys, digest ${table.digest}\n`)
        const rows = instances.map(({ instanceId, revision, lag, digest, reportedAt, inSync }) => [
          printable(instanceId),
          String(revision),
          String(lag),
          digest,
          reportedAt?.toString() ?? '',
          inSync ? 'in sync' : 'behind',
        ])
        const header = ['instance', 'revision', 'lag', 'digest', 'reported', '']
        if (rows.length > 0) await io.out(aligned([header, ...rows]))
      }),
    )
}

function jsonOfInstance(each: ConfigInstance) {
  return { ...each, startedAt: each.startedAt?.toString() ?? null, reportedAt: each.reportedAt?.toString() ?? null }
}

function jsonOfEntry({ key, value, revision, expiresAt }: ConfigEntry): string {
  return encodeValue({ key, value, revision, expiresAt: expiresAt?.toString() ?? null })
}

type AnyChange = Omit<PastConfigChange, 'changedAt' | 'storeRevision'> & Partial<PastConfigChange>

/** What is not there is left out: null is a value. */
function jsonOfChange({ key, value, previous, revision, author, origin, changedAt, storeRevision }: AnyChange): string {
  return encodeValue({
    key,
    ...(value === undefined ? {} : { value }),
    ...(previous === undefined ? {} : { previous }),
    revision,
    author,
    origin,
    ...(changedAt === undefined ? {} : { changedAt: changedAt.toString() }),
    ...(storeRevision === undefined ? {} : { storeRevision }),
  })
}

function textOfChange({ key, value, revision, author, changedAt }: AnyChange): string {
  const when = changedAt === undefined ? '' : `${changedAt.toString()}  `
  const now = value === undefined ? 'deleted' : encodeValue(value)
  return `${when}${revision}  ${printable(key)}  ${now}  ${printable(author)}`
}

function parseJson(text: string): JsonValue {
  try {
    return decodeValue(text)
  } catch (error) {
    throw new QError('invalid_request', 'the value is not JSON; --text takes it as text', {
      field: 'value',
      cause: error,
    })
  }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It is a whole number.')
  return Number(text)
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('It is a number of seconds.')
  return value
}
