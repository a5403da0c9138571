import { QError, RawJson, type BoundPart, type ScheduleAction, type ScheduleInput } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import { entityId } from '../entity-path.ts'
import { typeOfField } from '../field-type-of.ts'
import type { Io } from '../io.ts'
import { outJson, withSession, type Session } from '../session.ts'
import { parseValue } from '../value-text.ts'

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
  readonly publish?: string
  readonly body?: string
  readonly stream?: boolean
  readonly client?: string
  readonly broadcast?: boolean
  readonly write?: string
  readonly field?: string
  readonly value?: string
  readonly tag?: string[]
  readonly metadata?: string
  readonly catchUp?: 'skip' | 'last' | 'all'
  readonly overlap?: NonNullable<ScheduleInput['overlap']>
  readonly attempts?: number
  readonly paused?: boolean
  readonly bind?: Bound[]
}

interface Bound {
  readonly part: BoundPart
  readonly entity: string
  readonly field: string
}

const boundParts: readonly BoundPart[] = ['rule', 'timezone', 'paused', 'payload']

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
    .option('--write <entity>', 'write a field of this entity: its id or path')
    .option('--field <name>', 'the field to write')
    .option('--value <text>', 'its value, as of `set`')
    .option('--publish <subject>', 'publish a message on this NATS subject')
    .option('--body <text>', 'of the message; otherwise JSON that describes the occurrence')
    .option('--stream', 'a JetStream stream has to take the message')
    .option('--client <name>', 'give it to this client of a gateway, connected by a WebSocket')
    .option('--broadcast', 'to all connections of the client')
    .option('--tag <tag...>', 'to find it by')
    .option('--metadata <json>', 'what else is to be known, sent with webhooks')
    .option('--catch-up <policy>', catchUps.join(', '), oneOf(catchUps))
    .option('--overlap <policy>', overlaps.join(', '), oneOf(overlaps))
    .option('--attempts <number>', 'attempts in all', parseCount)
    .option('--paused', 'pause it')
    .option(
      '--bind <part=id.field...>',
      `what a field says of it, by the id of its entity; of these parts: ${boundParts.join(', ')}`,
      parseBound,
    )
    .action((namespace: string, rule: string, options: PutOptions, command: Command) =>
      withSession(command, io, async (session) => {
        const { q, json } = session
        const action = await actionOf(session, options)
        const change = await q.schedules.put(inputOf({ namespace, rule, action }, options))
        if (json) await outJson(io, change)
        else await io.out(`${change.id}\n`)
      }),
    )
}

function inputOf(needed: Pick<ScheduleInput, 'namespace' | 'rule' | 'action'>, options: PutOptions): ScheduleInput {
  const { name, id, title, description, timezone, tag, metadata, catchUp, overlap, attempts, paused } = options
  return {
    ...needed,
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
    ...(options.bind === undefined ? {} : { bindings: bindingsOf(options.bind) }),
  }
}

async function actionOf(session: Session, options: PutOptions): Promise<ScheduleAction> {
  const { emit, payload, webhook, secret, publish, body, stream, client, broadcast, write } = options
  const actions: ScheduleAction[] = []
  if (emit !== undefined) {
    actions.push({ emit: { type: emit, ...(payload === undefined ? {} : { payload: new RawJson(payload) }) } })
  }
  if (webhook !== undefined) actions.push({ webhook: { url: webhook, ...(secret === undefined ? {} : { secret }) } })
  if (write !== undefined) actions.push(await writeOf(session, write, options))
  if (publish !== undefined) {
    const more = { ...(body === undefined ? {} : { body }), ...(stream === undefined ? {} : { needsStream: stream }) }
    actions.push({ publish: { subject: publish, ...more } })
  }
  if (client !== undefined) {
    actions.push({ websocket: { clientName: client, ...(broadcast === undefined ? {} : { broadcast }) } })
  }
  const [action, ...others] = actions
  if (action !== undefined && others.length === 0) return action
  throw new QError('invalid_request', 'say one of --emit, --webhook, --write, --publish and --client', {
    field: 'action',
  })
}

async function writeOf(session: Session, named: string, { field, value: text }: PutOptions): Promise<ScheduleAction> {
  if (field === undefined || text === undefined) {
    throw new QError('invalid_request', 'say --field and --value', { field: 'action' })
  }
  const { q } = session
  const entity = await entityId(q, named)
  const value = await parseValue(session, { type: await typeOfField(q, entity, field), text, field })
  return { write: [{ entity, field, value }] }
}

function bindingsOf(bound: readonly Bound[]): NonNullable<ScheduleInput['bindings']> {
  return Object.fromEntries(bound.map(({ part, entity, field }) => [part, { entity, field }]))
}

function parseBound(text: string, before: Bound[] = []): Bound[] {
  const [, name = '', entity = '', field = ''] = /^([a-z]+)=([^.]+)[.](.+)$/.exec(text) ?? []
  const part = boundParts.find((each) => each === name)
  if (part === undefined) {
    throw new InvalidArgumentError(`It is PART=ID.FIELD, with a part of ${boundParts.join(', ')}.`)
  }
  return [...before, { part, entity, field }]
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
