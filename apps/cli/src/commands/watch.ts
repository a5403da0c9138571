import { QError, type NotifyOptions, type StructureEvent, type WatchTarget } from '@qcore/client'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { entityId } from '../entity-path.ts'
import { describeError } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { jsonOfNotification, textOfNotification } from '../notification-text.ts'
import { outJson, withSession, type Session } from '../session.ts'

interface WatchOptions {
  context: string[]
  every?: boolean
  filter?: string
  structure: StructureEvent[]
  schema?: boolean
  query?: string
  within?: string
  initial: boolean
  after?: number
  count?: number
  latest?: boolean
  interval?: number
}

const structureEvents: readonly StructureEvent[] = ['created', 'deleted', 'moved', 'renamed', 'children-reordered']

export function addWatch(program: Command, io: Io): void {
  program
    .command('watch')
    .description('show changes as they happen, until Ctrl-C')
    .argument('[target]', 'a type, or id or path of an entity; with --schema a type, or nothing for all')
    .argument('[fields...]', 'the fields to watch; or one path, as in queries')
    .addOption(
      new Option(
        '--structure <event>',
        'instead of fields: created, deleted, moved, renamed, children-reordered; may be repeated',
      )
        .argParser(structureEvent)
        .default([]),
    )
    .option('--within <entity>', 'of a type: only in the subtree of an entity, with what enters and leaves it')
    .option('--query <text>', 'instead of a target: what a query finds, and its changes')
    .option('--no-initial', 'with --query: without the result that it begins with')
    .option('--schema', 'instead of fields: changes of the schema')
    .option('--context <path>', 'a field to show along, as it was then; may be repeated', collect, [])
    .option(
      '--filter <expression>',
      'show only what a CEL expression over current, previous, context and field is true of',
    )
    .option('--every', 'show every write, also of the same value')
    .option('--after <revision>', 'begin after a revision instead of now', wholeNumber)
    .option('--count <changes>', 'end after so many', wholeNumber)
    .option('--latest', 'changes of a field that come faster than they are shown become one, which tells how many')
    .option('--interval <ms>', 'with --latest: the least time between two, in milliseconds, up to 60000', wholeNumber)
    .action((named: string | undefined, fields: string[], options: WatchOptions, command: Command) =>
      withSession(command, io, async (session) => watch(session, { named, fields }, options)),
    )
}

async function watch(
  session: Session,
  asked: { named: string | undefined; fields: string[] },
  options: WatchOptions,
): Promise<void> {
  const { io, q, json } = session
  const { context, after, count = Infinity, latest = false, interval } = options
  const target = await targetOf(session, asked, options)
  const notifyOptions: NotifyOptions = {
    ...(after === undefined ? {} : { resumeAfter: { revision: after } }),
    ...(latest ? { backPressure: 'latest' } : {}),
    ...(interval === undefined ? {} : { minIntervalMs: interval }),
    onInterruption: (error) => io.err(`qcore: interrupted, going on: ${describeError(error)}\n`),
  }
  let shown = 0
  for await (const notification of await q.notifications(target, notifyOptions)) {
    if (json) await outJson(io, jsonOfNotification(notification, context))
    else await io.out(`${textOfNotification(notification, context)}\n`)
    shown += 1
    if (shown >= count) return
  }
}

async function targetOf(
  session: Session,
  { named, fields }: { named: string | undefined; fields: string[] },
  { context, filter, structure, schema = false, query, within, initial, every = false }: WatchOptions,
): Promise<WatchTarget> {
  if (query !== undefined) return { query, initial, trigger: every ? 'write' : 'change' }
  if (schema) return { schemas: named ?? '*' }
  if (named === undefined) throw new QError('invalid_request', 'name a type or an entity', { field: 'target' })
  const telling = { context, ...(filter === undefined ? {} : { filter }) }
  if (within !== undefined) {
    const subtree = { ...telling, type: named, within: await entityId(session.q, within) }
    return structure.length > 0
      ? { ...subtree, structure }
      : { ...subtree, fields, trigger: every ? 'write' : 'change' }
  }
  const watched = { ...(await watchedBy(session, named)), ...telling }
  const trigger = every ? 'write' : 'change'
  const [path, ...others] = fields
  if (structure.length === 0 && path?.includes('->') === true && others.length === 0)
    return { ...watched, path, trigger }
  if (structure.length === 0) return { ...watched, fields, trigger }
  if (fields.length === 0) return { ...watched, structure }
  throw new QError('invalid_request', 'either fields or --structure', { field: 'structure' })
}

async function watchedBy({ q }: Session, named: string): Promise<{ type: string } | { entity: string }> {
  if (named.startsWith('/')) return { entity: await entityId(q, named) }
  const isType = /^[A-Za-z][A-Za-z0-9_]*$/.test(named) && (await q.exists({ type: named }))
  if (isType) return { type: named }
  if (await q.exists(named)) return { entity: named }
  throw new QError('unknown_entity', `${named} is neither a type nor an entity`, { field: 'target' })
}

function collect(path: string, before: readonly string[]): string[] {
  return [...before, path]
}

function structureEvent(text: string, before: readonly StructureEvent[]): StructureEvent[] {
  const event = structureEvents.find((each) => each === text)
  if (event === undefined) throw new InvalidArgumentError(`It is one of ${structureEvents.join(', ')}.`)
  return [...before, event]
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number.')
  return Number(text)
}
