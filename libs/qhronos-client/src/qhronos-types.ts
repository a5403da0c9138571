/** A cron text, a recurrence of RFC 5545, or an object with `frequency`, `cron`, … */
export type EventSchedule = string | Readonly<Record<string, unknown>>

export type EventStatus = 'active' | 'paused' | 'inactive'

export type EventAction =
  | { readonly type: 'webhook'; readonly params: { readonly url: string } }
  | {
      readonly type: 'websocket'
      readonly params: {
        readonly client_name: string
        /** To all connections of the client instead of one in turn. */
        readonly broadcast?: boolean
        /** `none`: done when it is sent. */
        readonly ack?: 'required' | 'none'
      }
    }
  | {
      readonly type: 'apicall'
      readonly params: {
        readonly method: string
        readonly url: string
        readonly headers?: Readonly<Record<string, string>>
        readonly body?: unknown
      }
    }

export interface CreateEventRequest {
  readonly name: string
  readonly description?: string
  /** RFC 3339. Needed unless the schedule is a text. */
  readonly start_time?: string
  /** A URL, or `q:` and the name of a client. */
  readonly webhook?: string
  readonly action?: EventAction
  readonly metadata?: unknown
  readonly schedule?: EventSchedule
  readonly tags?: readonly string[]
  readonly hmac_secret?: string
}

/** What is left out stays as it is. */
export type UpdateEventRequest = Partial<CreateEventRequest> & { readonly status?: EventStatus }

/** Times are of RFC 3339. */
export interface Event {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly start_time: string
  readonly webhook: string
  readonly action: EventAction | null
  readonly metadata: unknown
  readonly schedule: EventSchedule | null
  readonly tags: readonly string[]
  readonly status: EventStatus
  readonly created_at: string
  readonly updated_at: string
  readonly next_at: string | null
  /** Goes up with every change. */
  readonly version: number
}

export interface Occurrence {
  readonly id: string
  readonly occurrence_id: string
  readonly event_id: string
  readonly scheduled_at: string
  /** `pending`, `scheduled`, `dispatched`, `completed`, `failed`, `skipped`, `missed`, `cancelled`. */
  readonly status: string
  readonly reason: string
  readonly attempt_count: number
  readonly status_code: number
  readonly response_body: string
  readonly error_message: string
  readonly started_at: string | null
  readonly completed_at: string | null
  readonly created_at: string
  readonly updated_at: string
  readonly attempts?: readonly Readonly<Record<string, unknown>>[]
}

interface PageParams {
  readonly page?: number
  /** 1 to 100. */
  readonly limit?: number
  readonly from?: Date
  readonly to?: Date
}

export interface ListEventsParams extends PageParams {
  readonly tags?: readonly string[]
  readonly match?: 'any' | 'all'
  readonly status?: EventStatus
}

export interface ListOccurrencesParams extends PageParams {
  readonly status?: readonly string[]
}

export interface SystemStatus {
  readonly status: 'ok' | 'degraded'
  readonly uptime_seconds: number
  readonly version: string
  readonly checks: Readonly<Record<string, boolean>>
}

export interface CreateTokenRequest {
  readonly sub: string
  readonly access: 'read' | 'write' | 'read_write' | 'admin'
  readonly scope: readonly string[]
  /** RFC 3339. */
  readonly expires_at: string
}

export interface Token extends CreateTokenRequest {
  readonly token: string
  readonly type: 'jwt'
}

/** What a listener is told. */
export interface DueEvent {
  readonly type: 'event'
  readonly event_id: string
  readonly occurrence_id: string
  readonly name: string
  readonly description: string
  readonly metadata: unknown
  readonly payload: unknown
  readonly tags: readonly string[]
  readonly scheduled_at: string
  /** From 1. */
  readonly attempt: number
}
