import {
  QError,
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterReason,
  type DeadLetterState,
} from '@qcore/client'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

interface FilterOptions {
  readonly id?: string[]
  readonly group?: string
  readonly type?: string
  readonly reason?: DeadLetterReason
  readonly fingerprint?: string
  readonly node?: string
}

interface ActionOptions extends FilterOptions {
  readonly all?: boolean
  readonly limit?: number
  readonly dryRun?: boolean
}

const defaultLimit = 50

export function addDeadLetters(program: Command, io: Io): void {
  const letters = program
    .command('dead-letters')
    .description('events that could not be handled, and occurrences that failed')
  addList(letters, io)
  addShow(letters, io)
  addKinds(letters, io)
  addReplay(letters, io)
  addPurge(letters, io)
  addActions(letters, io)
}

function withFilter(command: Command): Command {
  return command
    .argument('<namespace>', 'the namespace')
    .option('--id <id...>', 'these')
    .option(
      '--group <name>',
      'that died in this group; an empty one: that no group wants; # and the id of a schedule: its occurrences',
    )
    .option('--type <pattern>', 'of this type; * stands for one part, > at the end for one or more')
    .addOption(
      new Option('--reason <reason>', 'that died of this').choices([
        'failed',
        'node lost',
        'unhandled',
        'expired',
        'abandoned',
      ]),
    )
    .option('--fingerprint <fingerprint>', 'that died of the same')
    .option('--node <id>', 'that this node had last')
}

function addList(letters: Command, io: Io): void {
  withFilter(letters.command('list').description('list dead letters, the newest first'))
    .addOption(new Option('--state <state>', 'in this state').choices(['dead', 'replaying', 'replayed']))
    .option('--limit <number>', 'at most so many', parseCount, defaultLimit)
    .action(
      (namespace: string, options: FilterOptions & { state?: DeadLetterState; limit: number }, command: Command) =>
        withSession(command, io, async ({ q, json }) => {
          const { state, limit } = options
          const query = { ...queryOf(options), ...(state === undefined ? {} : { state }) }
          const found: DeadLetter[] = []
          for await (const letter of q.events.deadLetters.list(namespace, query, { limit, signal: io.signal })) {
            if (json) await outJson(io, jsonOf(letter))
            else found.push(letter)
          }
          if (found.length > 0) await io.out(aligned([header, ...found.map(rowOf)]))
        }),
    )
}

function addShow(letters: Command, io: Io): void {
  letters
    .command('show')
    .description('show a dead letter')
    .argument('<namespace>', 'the namespace')
    .argument('<id>', 'its id')
    .action((namespace: string, id: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const letter = await q.events.deadLetters.get(namespace, id)
        if (json) await outJson(io, jsonOf(letter))
        else
          await io.out(
            `${aligned([header, rowOf(letter)])}${printable(letter.event.payloadText)}\n${printable(letter.error)}\n`,
          )
      }),
    )
}

function addKinds(letters: Command, io: Io): void {
  withFilter(letters.command('kinds').description('count dead letters by what they died of')).action(
    (namespace: string, options: FilterOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const kinds = await q.events.deadLetters.kinds(namespace, queryOf(options))
        if (json) {
          for (const { firstAt, lastAt, ...facts } of kinds) {
            await outJson(io, { ...facts, firstAt: firstAt.toString(), lastAt: lastAt.toString() })
          }
        } else if (kinds.length > 0) {
          const rows = kinds.map(({ count, fingerprint, group, type, error }) => [
            String(count),
            fingerprint,
            group,
            type,
            firstLine(error),
          ])
          await io.out(aligned([['count', 'fingerprint', 'group', 'type', 'error'], ...rows]))
        }
      }),
  )
}

function addReplay(letters: Command, io: Io): void {
  withActionOptions(
    withFilter(
      letters.command('replay').description('give dead letters to their groups again, and try occurrences again'),
    ),
  )
    .option('--per-second <number>', 'no more than so many a second', parseCount)
    .option('--to-group <name>', 'of those that no group wants: the group that shall have them')
    .action((namespace: string, options: ActionOptions & { perSecond?: number; toGroup?: string }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const { perSecond, toGroup } = options
        const outcome = await q.events.deadLetters.replay(namespace, chosenOf(options), {
          ...limitsOf(options),
          ...(perSecond === undefined ? {} : { perSecond }),
          ...(toGroup === undefined ? {} : { toGroup }),
        })
        if (json) await outJson(io, outcome)
        else await io.out(`${outcome.count}\n`)
      }),
    )
}

function addPurge(letters: Command, io: Io): void {
  withActionOptions(withFilter(letters.command('purge').description('delete dead letters')))
    .addOption(new Option('--state <state>', 'in this state').choices(['dead', 'replaying', 'replayed']))
    .action((namespace: string, options: ActionOptions & { state?: DeadLetterState }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const { state } = options
        const query = { ...chosenOf(options), ...(state === undefined ? {} : { state }) }
        const outcome = await q.events.deadLetters.purge(namespace, query, limitsOf(options))
        if (json) await outJson(io, outcome)
        else await io.out(`${outcome.count}\n`)
      }),
    )
}

function addActions(letters: Command, io: Io): void {
  letters
    .command('actions')
    .description('show who replayed and purged what')
    .argument('<namespace>', 'the namespace')
    .action((namespace: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        for (const { time, ...action } of await q.events.deadLetters.actions(namespace)) {
          if (json) await outJson(io, { ...action, time: time.toString() })
          else await io.out(`${time.toString()}  ${action.kind} ${action.count}  ${printable(action.subject)}\n`)
        }
      }),
    )
}

function withActionOptions(command: Command): Command {
  return command
    .option('--all', 'all of the namespace, if nothing else says which')
    .option('--limit <number>', 'at most so many, the oldest first', parseCount)
    .option('--dry-run', 'only count them')
}

function limitsOf({ limit, dryRun = false }: ActionOptions) {
  return { dryRun, ...(limit === undefined ? {} : { limit }) }
}

/** What an action is for. All of a namespace has to be said. */
function chosenOf(options: ActionOptions): DeadLetterQuery {
  const query = queryOf(options)
  if (Object.keys(query).length > 0 || options.all === true || options.dryRun === true) return query
  throw new QError('invalid_request', 'say which dead letters, or --all', { field: '--all' })
}

function queryOf({ id, group, type, reason, fingerprint, node }: FilterOptions): DeadLetterQuery {
  return {
    ...(id === undefined ? {} : { ids: id }),
    ...(group === undefined ? {} : { group }),
    ...(type === undefined ? {} : { type }),
    ...(reason === undefined ? {} : { reason }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(node === undefined ? {} : { nodeId: node }),
  }
}

const header = ['id', 'died', 'group', 'event', 'type', 'reason', 'attempts', 'error']

function rowOf({ id, diedAt, group, event, reason, attempts, error }: DeadLetter): string[] {
  return [id, diedAt.toString(), group, event.id, event.type, reason, String(attempts), firstLine(error)]
}

function firstLine(text: string): string {
  return printable(text.split('\n', 1)[0] ?? '')
}

function jsonOf({ event, diedAt, ...letter }: DeadLetter): Record<string, unknown> {
  const { payload, payloadText: _text, time, ...facts } = event
  return { ...letter, diedAt: diedAt.toString(), event: { ...facts, time: time.toString(), payload } }
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 on.')
  return Number(text)
}
