import { QError } from '@qcore/errors'
import { z } from 'zod'

const text = z.string()
const instant = z.iso.datetime({ offset: true, error: 'is not a time of RFC 3339 with an offset' })
const schedule = z.union([z.string(), z.record(z.string(), z.unknown())])

const webhookParams = z.object({ url: z.string().min(1, 'URL is required for webhook action params') })
const websocketParams = z.object({
  client_name: z.string().min(1, 'client_name is required for websocket action params'),
  broadcast: z.boolean().optional(),
  ack: z.enum(['required', 'none']).optional(),
})
const apiCallParams = z.object({
  method: z.string().min(1),
  url: z.string().min(1),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional(),
})
const action = z.discriminatedUnion('type', [
  z.object({ type: z.literal('webhook'), params: webhookParams }),
  z.object({ type: z.literal('websocket'), params: websocketParams }),
  z.object({ type: z.literal('apicall'), params: apiCallParams }),
])

/** What an event is made of, in all the forms that clients of Qhronos ever sent. */
const members = {
  description: text.nullish(),
  start_time: instant.nullish(),
  webhook: text.nullish(),
  webhook_url: text.nullish(),
  action: action.nullish(),
  metadata: z.unknown().optional(),
  payload: z.unknown().optional(),
  schedule: schedule.nullish(),
  recurrence: schedule.nullish(),
  tags: z.array(z.string().min(1)).nullish(),
  hmac_secret: text.nullish(),
  title: text.nullish(),
}
const statuses = ['active', 'inactive', 'paused'] as const

export const createEventSchema = z.object({ ...members, name: text.nullish() })
export const updateEventSchema = z.object({
  ...members,
  name: text.min(1).nullish(),
  status: z.enum(statuses).nullish(),
})

export type EventAction = z.infer<typeof action>
type Body = z.infer<typeof createEventSchema> & { status?: (typeof statuses)[number] | null | undefined }

/** What a body says, in one form. Members that it leaves out are undefined. */
export interface EventInput {
  readonly name: string | undefined
  readonly description: string | undefined
  readonly startTime: string | undefined
  readonly action: EventAction | undefined
  /** JSON. */
  readonly metadata: string | undefined
  readonly schedule: string | Readonly<Record<string, unknown>> | undefined
  readonly tags: readonly string[] | undefined
  readonly secret: string | undefined
  readonly status: (typeof statuses)[number] | undefined
}

/** How tags begin that are the platform's own. */
export const ownTagPrefix = 'qhronos.'

/**
 * Reads the body of a request.
 *
 * @throws QError `invalid_request`
 */
export function readEventInput(schema: z.ZodType<Body>, body: unknown): EventInput {
  const given = parseBody(schema, body)
  const { description, start_time, tags, hmac_secret, status } = given
  const metadata = given.metadata === undefined ? given.payload : given.metadata
  const ownTag = tags?.find((tag) => tag.startsWith(ownTagPrefix))
  if (ownTag !== undefined) throw wrong(`tags that begin with ${ownTagPrefix} are the platform's own`, 'tags')
  return {
    name: given.name ?? given.title ?? undefined,
    description: description ?? undefined,
    startTime: givenTime(start_time),
    action: given.action ?? (isShownAsNone(given) ? undefined : actionOf(given.webhook ?? given.webhook_url)),
    metadata: metadata === undefined ? undefined : JSON.stringify(metadata),
    schedule: given.schedule ?? given.recurrence ?? undefined,
    tags: tags === undefined || tags === null ? undefined : [...new Set(tags)],
    secret: hmac_secret ?? undefined,
    status: status ?? undefined,
  }
}

/** Checks a body. What is wrong first is told. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.') ?? ''
  throw wrong(`Invalid JSON format: ${field === '' ? '' : `${field}: `}${issue?.message ?? 'it is not right'}`, field)
}

/** What programs in Go write for a time that they have not set. */
const zeroTimeMs = Date.parse('0001-01-01T00:00:00Z')

function givenTime(text: string | null | undefined): string | undefined {
  return text === null || text === undefined || Date.parse(text) === zeroTimeMs ? undefined : text
}

/** Whether an event has no action, in the way in which it is shown: it may be put back so. */
function isShownAsNone({ action, webhook }: Pick<Body, 'action' | 'webhook'>): boolean {
  return action === null && webhook === ''
}

const clientPrefix = 'q:'

/** The action that the old member names: a URL, or `q:` and a client. */
function actionOf(webhook: string | null | undefined): EventAction | undefined {
  if (webhook === undefined || webhook === null) return undefined
  if (webhook === '') throw wrong('either action object or a non-empty webhook string is required', 'webhook')
  const client = webhook.startsWith(clientPrefix) ? webhook.slice(clientPrefix.length) : ''
  return client === ''
    ? { type: 'webhook', params: { url: webhook } }
    : { type: 'websocket', params: { client_name: client } }
}

function wrong(message: string, field: string): QError {
  return new QError('invalid_request', message, { field })
}
