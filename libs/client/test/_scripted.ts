import type { ServiceImpl, Transport } from '@connectrpc/connect'
import { createRouterTransport } from '@connectrpc/connect'
import {
  CommitService,
  ConfigService,
  DeadLetterService,
  QueryService,
  ReadService,
  RegistrationService,
  TokenService,
  WatchService,
} from '@qcore/contracts'
import { QError, type ErrorCode } from '@qcore/errors'
import { toConnectError } from '@qcore/transport'
import { connect, type Client, type ConnectOptions } from '../src/index.ts'

/** What the services of a test do. */
export interface Script {
  read?: Partial<ServiceImpl<typeof ReadService>>
  commit?: Partial<ServiceImpl<typeof CommitService>>
  config?: Partial<ServiceImpl<typeof ConfigService>>
  deadLetters?: Partial<ServiceImpl<typeof DeadLetterService>>
  query?: Partial<ServiceImpl<typeof QueryService>>
  registration?: Partial<ServiceImpl<typeof RegistrationService>>
  watch?: Partial<ServiceImpl<typeof WatchService>>
  token?: Partial<ServiceImpl<typeof TokenService>>
}

/** A client of scripted services, to drive it into what real ones do too rarely. */
export async function connectTo(
  script: Script,
  options: Omit<Partial<ConnectOptions>, 'transport'> = {},
): Promise<Client> {
  const transport: Transport = createRouterTransport(({ service }) => {
    service(ReadService, script.read ?? {})
    service(CommitService, script.commit ?? {})
    service(ConfigService, script.config ?? {})
    service(DeadLetterService, script.deadLetters ?? {})
    service(QueryService, script.query ?? {})
    service(RegistrationService, script.registration ?? {})
    service(WatchService, script.watch ?? {})
    service(TokenService, script.token ?? {})
  })
  return connect({ transport, ...options })
}

/** An error as a service throws it. */
export function serviceError(code: ErrorCode, message = 'scripted', field = '') {
  return toConnectError(new QError(code, message, { field }))
}

/** An answer to a CommitMany: every commit gets the next revision. */
export function committer() {
  let revision = 0n
  const keys: string[] = []
  return {
    keys,
    commitMany: (request: { commits: { idempotencyKey: string; mutations: unknown[] }[] }) => ({
      outcomes: request.commits.map(({ idempotencyKey, mutations }) => {
        keys.push(idempotencyKey)
        revision += 1n
        const results = mutations.map(() => ({ entityId: 'e', changed: true }))
        return { outcome: { case: 'response' as const, value: { revision, results } } }
      }),
    }),
  }
}
