import { Listening, type ListenOptions, type ListenTarget } from './listening.ts'
import { QhronosError } from './qhronos-error.ts'
import type {
  CreateEventRequest,
  CreateTokenRequest,
  DueEvent,
  Event,
  EventStatus,
  ListEventsParams,
  ListOccurrencesParams,
  Occurrence,
  SystemStatus,
  Token,
  UpdateEventRequest,
} from './qhronos-types.ts'

const standardTimeoutMs = 10_000
/** Between two looks at an event that is waited for, in milliseconds. */
const pollMs = 500

export interface QhronosClientOptions {
  /** Of the gateway: `http://127.0.0.1:20000`. */
  readonly baseUrl: string
  readonly authToken?: string
  /** After which a call fails, in milliseconds; default 10,000. */
  readonly timeoutMs?: number
}

export interface RequestOptions {
  readonly signal?: AbortSignal
  /** Makes a retry safe. */
  readonly idempotencyKey?: string
  /** Changes only the event of this version. */
  readonly ifVersion?: number
}

type Query = Readonly<Record<string, string | number | Date | readonly string[] | undefined>>

interface Call extends RequestOptions {
  readonly body?: unknown
  readonly query?: Query
}

/** Calls Qhronos' interface. */
export class QhronosClient {
  readonly #baseUrl: string
  readonly #timeoutMs: number
  #authToken: string | undefined

  constructor({ baseUrl, authToken, timeoutMs = standardTimeoutMs }: QhronosClientOptions) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '')
    this.#authToken = authToken
    this.#timeoutMs = timeoutMs
  }

  /** Calls with another token from now on; listeners that are connected go on with it. */
  setAuthToken(token: string): void {
    this.#authToken = token
  }

  /** Forgets the token. */
  logout(): void {
    this.#authToken = undefined
  }

  /** Makes a token. The client's own has to be the master token. */
  createToken(request: CreateTokenRequest, options: RequestOptions = {}): Promise<Token> {
    return this.#call('POST', '/tokens', { ...options, body: request })
  }

  createEvent(event: CreateEventRequest, options: RequestOptions = {}): Promise<Event> {
    return this.#call('POST', '/events', { ...options, body: event })
  }

  getEvent(id: string, options: RequestOptions = {}): Promise<Event> {
    return this.#call('GET', `/events/${encodeURIComponent(id)}`, options)
  }

  listEvents(params: ListEventsParams = {}, options: RequestOptions = {}): Promise<Event[]> {
    return this.#call('GET', '/events', { ...options, query: { ...params } })
  }

  getEventsByTag(tag: string, options: RequestOptions = {}): Promise<Event[]> {
    return this.listEvents({ tags: [tag] }, options)
  }

  updateEvent(id: string, changes: UpdateEventRequest, options: RequestOptions = {}): Promise<Event> {
    return this.#call('PUT', `/events/${encodeURIComponent(id)}`, { ...options, body: changes })
  }

  async deleteEvent(id: string, options: RequestOptions = {}): Promise<void> {
    await this.#call('DELETE', `/events/${encodeURIComponent(id)}`, options)
  }

  listOccurrences(
    eventId: string,
    params: ListOccurrencesParams = {},
    options: RequestOptions = {},
  ): Promise<Occurrence[]> {
    return this.#call('GET', `/events/${encodeURIComponent(eventId)}/occurrences`, { ...options, query: { ...params } })
  }

  getOccurrence(occurrenceId: string, options: RequestOptions = {}): Promise<Occurrence> {
    return this.#call('GET', `/occurrences/${encodeURIComponent(occurrenceId)}`, options)
  }

  getStatus(options: RequestOptions = {}): Promise<SystemStatus> {
    return this.#call('GET', '/status', options)
  }

  /**
   * Waits until an event has a status.
   *
   * @throws QhronosError `deadline_exceeded`
   */
  async waitForEventStatus(id: string, status: EventStatus, timeoutMs = 60_000): Promise<Event> {
    const endsAtMs = performance.now() + timeoutMs
    for (;;) {
      const event = await this.getEvent(id)
      if (event.status === status) return event
      if (performance.now() + pollMs > endsAtMs) {
        throw new QhronosError(0, `the event is ${event.status} after ${timeoutMs} ms`, { code: 'deadline_exceeded' })
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
  }

  /** Receives events that are due, until it is disposed of. */
  listen(
    target: ListenTarget,
    onEvent: (event: DueEvent) => void | Promise<void>,
    options: ListenOptions = {},
  ): Listening {
    const url = `${this.#baseUrl.replace(/^http/, 'ws')}/ws`
    return new Listening({ url, token: () => this.#authToken ?? '', target, onEvent, options })
  }

  async #call<T>(method: string, path: string, call: Call): Promise<T> {
    const { body, query = {}, signal, idempotencyKey, ifVersion } = call
    const limit = AbortSignal.timeout(this.#timeoutMs)
    const response = await fetch(`${this.#baseUrl}${path}${queryText(query)}`, {
      method,
      headers: {
        ...(this.#authToken === undefined ? {} : { authorization: `Bearer ${this.#authToken}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        ...(ifVersion === undefined ? {} : { 'if-match': `"${ifVersion}"` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    })
    if (!response.ok) throw await QhronosError.of(response)
    return (await response.json()) as T
  }
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    if (Array.isArray(value)) for (const one of value) parameters.append(name, String(one))
    else parameters.append(name, value instanceof Date ? value.toISOString() : String(value))
  }
  const text = parameters.toString()
  return text === '' ? '' : `?${text}`
}
