import { QError, RawJson, type ScheduleAction, type ScheduleInput } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import type { Io } from '../io.ts'
import { outJson, withSession } from '../session.ts'

interface PutOptions {
  readonly name?: string
  readonly id?: string
  readonly title?: string
  readonly description?: string
  readonly timezone?: string
  readonly emit?: string
  readonly payload?: string
  readonly webhook?: string
  readonly secret?: string
  readonly tag?: string[]
  readonly metadata?: string
  readonly catchUp?: 'skip' | 'last' | 'all'
  readonly overlap?: NonNullable<ScheduleInput['overlap']>
  readonly attempts?: number
  readonly paused?: boolean
}

const catchUps = ['skip', 'last', 'all'] as const
const overlaps = ['allow', 'skip', 'buffer_one', 'buffer_all', 'cancel_other'] as const

export function addSchedulePut(schedules: Command, io: Io): void {
  schedules
    .command('put')
    .description('make a schedule, or replace the one of that name')
    .argument('<namespace>', 'where it belongs')
    .argument('<rule>', 'cron, @every 5m, RFC 5545, a time, or a JSON object')
    .option('--name <name>', 'what it is known by in the namespace')
    .option('--id <id>', 'its id, a UUID')
    .option('--title <text>', 'what people call it')
    .option('--description <text>', 'what it is for')
    .option('--timezone <name>', 'the zone of a rule that names none; otherwise UTC')
    .option('--emit <type>', 'emit an event of this type in the namespace')
    .option('--payload <json>', "the event's payload")
    .option('--webhook <url>', 'send a signed request to this URL')
    .option('--secret <secret>', 'what requests are signed with')
    .option('--tag <tag...>', 'to find it by')
    .option('--metadata <json>', 'what else is to be known, sent with webhooks')
    .option('--catch-up <policy>', catchUps.join(', '), oneOf(catchUps))
    .option('--overlap <policy>', overlaps.join(', '), oneOf(overlaps))
    .option('--attempts <number>', 'attempts in all', parseCount)
    .option('--paused', 'pause it')
    .action((namespace: string, rule: string, options: PutOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const change = await q.schedules.put(inputOf(namespace, rule, options))
        if (json) await outJson(io, change)
        else await io.out(`${change.id}\n`)
      }),
    )
}

function inputOf(namespace: string, rule: string, options: PutOptions): ScheduleInput {
  const { name, id, title, description, timezone, tag, metadata, catchUp, overlap, attempts, paused } = options
  return {
    namespace,
    rule,
    action: actionOf(options),
    ...(name === undefined ? {} : { name }),
    ...(id === undefined ? {} : { id }),
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(metadata === undefined ? {} : { metadata: new RawJson(metadata) }),
    ...(catchUp === undefined ? {} : { catchUp }),
    ...(overlap === undefined ? {} : { overlap }),
    ...(attempts === undefined ? {} : { retry: { maxAttempts: attempts } }),
    ...(paused === undefined ? {} : { paused }),
  }
}

function actionOf({ emit, payload, webhook, secret }: PutOptions): ScheduleAction {
  if (emit !== undefined && webhook === undefined) {
    return { emit: { type: emit, ...(payload === undefined ? {} : { payload: new RawJson(payload) }) } }
  }
  if (webhook !== undefined && emit === undefined) {
    return { webhook: { url: webhook, ...(secret === undefined ? {} : { secret }) } }
  }
  throw new QError('invalid_request', 'say one of --emit and --webhook', { field: 'action' })
}

function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found === undefined) throw new InvalidArgumentError(`It is one of ${words.join(', ')}.`)
    return found
  }
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 on.')
  return Number(text)
}
