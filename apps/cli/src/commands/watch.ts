import { QError, type Notification, type NotifyTarget } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import { entityId } from '../entity-path.ts'
import { jsonOfField } from '../field-text.ts'
import { describeError } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { outJson, withSession, type Session } from '../session.ts'
import { textOfValue } from '../value-text.ts'

interface WatchOptions {
  context: string[]
  every?: boolean
  after?: number
  count?: number
}

export function addWatch(program: Command, io: Io): void {
  program
    .command('watch')
    .description('show changes as they happen, until Ctrl-C')
    .argument('<target>', 'a type, or id or path of an entity')
    .argument('<fields...>', 'the fields to watch')
    .option('--context <path>', 'a field to show along, as it was then; may be repeated', collect, [])
    .option('--every', 'show every write, also of the same value')
    .option('--after <revision>', 'begin after a revision instead of now', wholeNumber)
    .option('--count <changes>', 'end after so many', wholeNumber)
    .action((named: string, fields: string[], options: WatchOptions, command: Command) =>
      withSession(command, io, async (session) => watch(session, { named, fields }, options)),
    )
}

async function watch(
  session: Session,
  { named, fields }: { named: string; fields: string[] },
  { context, every = false, after, count = Infinity }: WatchOptions,
): Promise<void> {
  const { io, q, json } = session
  const target: NotifyTarget = {
    ...(await targetOf(session, named)),
    fields,
    context,
    trigger: every ? 'write' : 'change',
  }
  const notifications = await q.notifications(target, {
    ...(after === undefined ? {} : { resumeAfter: { revision: after } }),
    onInterruption: (error) => io.err(`qcore: interrupted, going on: ${describeError(error)}\n`),
  })
  let shown = 0
  for await (const notification of notifications) {
    if (json) await outJson(io, jsonOf(notification, context))
    else await io.out(`${textOf(notification, context)}\n`)
    shown += 1
    if (shown >= count) return
  }
}

async function targetOf({ q }: Session, named: string): Promise<{ type: string } | { entity: string }> {
  if (named.startsWith('/')) return { entity: await entityId(q, named) }
  const isType = /^[A-Za-z][A-Za-z0-9_]*$/.test(named) && (await q.exists({ type: named }))
  if (isType) return { type: named }
  if (await q.exists(named)) return { entity: named }
  throw new QError('unknown_entity', `${named} is neither a type nor an entity`, { field: 'target' })
}

function textOf(
  { time, entityId: id, name, current, previous, context }: Notification,
  paths: readonly string[],
): string {
  const before = previous === undefined ? '' : `${textOfValue(previous)} → `
  const extra = context.map((field, index) => {
    const value = 'problem' in field ? `<${field.problem.code}>` : textOfValue(field)
    return `  ${paths[index] ?? ''}=${value}`
  })
  return `${time.toString()}  ${id}  ${name}  ${before}${textOfValue(current)}${extra.join('')}`
}

function jsonOf(
  { revision, time, entityId: id, name, current, previous, context }: Notification,
  paths: readonly string[],
) {
  const entries = context.map((field, index) => {
    const value =
      'problem' in field
        ? { problem: { code: field.problem.code, message: field.problem.message } }
        : jsonOfField(field)
    return [paths[index] ?? '', value] as const
  })
  return {
    revision,
    time: time.toString(),
    entityId: id,
    name,
    current: jsonOfField(current),
    previous: previous === undefined ? null : jsonOfField(previous),
    context: Object.fromEntries(entries),
  }
}

function collect(path: string, before: readonly string[]): string[] {
  return [...before, path]
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number.')
  return Number(text)
}
