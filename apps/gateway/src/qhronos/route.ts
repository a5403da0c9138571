import type { Client } from '@connectrpc/connect'
import type { AccessLevel, OccurrenceService, ScheduleService, TokenService } from '@qcore/contracts'
import type { z } from 'zod'
import type { HttpRequest } from '../http/exchange.ts'
import type { Answer } from './answer.ts'
import type { OwnNamespace } from './own-namespace.ts'
import type { Caller } from './caller.ts'

/** What routes work with. */
export interface RouteServices {
  readonly schedules: Client<typeof ScheduleService>
  readonly occurrences: Client<typeof OccurrenceService>
  readonly tokens: Client<typeof TokenService>
  readonly namespace: OwnNamespace
  /** How long a token is good that was asked for with an end in the past; 0: it is refused. */
  readonly pastExpirySeconds: number
  /** Whether the services are there, by name, for /status. */
  checks(): Promise<Readonly<Record<string, boolean>>>
}

/** A request that a route answers. */
export interface RouteCall {
  readonly request: HttpRequest
  /** What stands in the path for `:id`. */
  readonly id: string
  readonly query: URLSearchParams
  /** The JSON of the body; undefined if the route takes none. */
  readonly body: unknown
  readonly services: RouteServices
}

export interface OwnedCall extends RouteCall {
  readonly caller: Caller
}

interface RouteFacts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `:id` stands for one part. */
  readonly path: string
  /** For the document of the interface. */
  readonly summary: string
  readonly body?: z.ZodType
  readonly parameters?: Readonly<Record<string, string>>
  readonly answers: Readonly<Record<number, string>>
}

/** A route that everybody may call, one for the master token, or one for tokens of a level. */
export type Route =
  | (RouteFacts & { readonly access: 'public' | 'master'; answer(call: RouteCall): Promise<Answer> })
  | (RouteFacts & { readonly access: AccessLevel; answer(call: OwnedCall): Promise<Answer> })
