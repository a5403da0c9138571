import { create, toBinary } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, grantsOf } from '@qcore/access'
import {
  RegisterRequestSchema,
  RegisterResponseSchema,
  WatchRequestSchema,
  type RegisterRequest,
  type RegisterResponse,
  type WatchRequest,
} from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { QError } from '@qcore/errors'
import type { Grants } from '@qcore/model'
import type { NotifierContext } from '../context.ts'
import { registrationMessage, unknownRegistration } from '../registration/registration-message.ts'
import { completeRequest, renewalBy, tokenEnd } from '../registration/registration.ts'
import { bucketOf, newToken } from '../registration/shares/bucket.ts'
import { countRegistrations, findRegistration, loadRegistrations } from '../registration/sql/load-registrations.ts'
import { renewRegistrations } from '../registration/sql/renew-registrations.ts'
import { storeRegistration, type NewRegistration } from '../registration/sql/store-registration.ts'
import { checkedTrackers } from '../replay/begin-tracking.ts'
import { assertTargets } from '../start/assert-targets.ts'
import type { EntityTypes } from '../start/check-subscriptions.ts'
import { startingPoint } from '../start/starting-point.ts'
import { WatchStream } from '../stream/watch-stream.ts'

/** Begins a registration, or joins the one that has its key. */
export async function register(
  request: RegisterRequest,
  call: HandlerContext,
  context: NotifierContext,
): Promise<RegisterResponse> {
  const definition = toBinary(RegisterRequestSchema, definitionOf(request))
  const joined = await join(request.key, definition, call, context)
  if (joined !== undefined) return joined
  const registration = await checked(request, definition, call, context)
  if (!(await readDatabase(storeRegistration(context.pool, registration)))) {
    // Somebody else was faster.
    const late = await join(request.key, definition, call, context)
    if (late === undefined) throw new QError('overloaded', 'a registration with this key just ended; try again')
    return late
  }
  context.shares.hint()
  return answer(registration.token, false, context)
}

/** What makes two registrations the same. */
function definitionOf(request: RegisterRequest): RegisterRequest {
  const definition = completeRequest(request)
  delete definition.resumeAfter
  definition.logId = ''
  return definition
}

async function join(
  key: string,
  definition: Uint8Array,
  call: HandlerContext,
  context: NotifierContext,
): Promise<RegisterResponse | undefined> {
  if (key === '') return undefined
  const claims = callerOf(call)
  const found = await readDatabase(findRegistration(context.pool, { subject: claims.subject, key }))
  if (found === undefined) return undefined
  if (!found.request.equals(definition)) {
    throw new QError('registration_conflict', `there is a registration with the key ${key} that is not the same`, {
      field: 'key',
    })
  }
  const renewed = await readDatabase(renewRegistrations(context.pool, renewalBy(claims, [found.token])))
  return renewed.length === 0 ? undefined : answer(found.token, true, context)
}

async function checked(
  request: RegisterRequest,
  definition: Uint8Array,
  call: HandlerContext,
  context: NotifierContext,
): Promise<NewRegistration> {
  const { feed, pool, config } = context
  const claims = callerOf(call)
  const grants = grantsOf(claims)
  const { subscriptions, logId } = request
  const watch = create(WatchRequestSchema, { subscriptions, logId })
  if (request.resumeAfter !== undefined) watch.resumeAfter = request.resumeAfter
  if ((await readDatabase(countRegistrations(pool, claims.subject))) >= config.registrationsPerSubject) {
    const text = `${claims.subject} has ${config.registrationsPerSubject} registrations`
    throw new QError('too_many_registrations', text, { field: 'key' })
  }
  const after = await startingPoint(watch, context)
  const start = { revision: after ?? feed.appliedRevision, logId: feed.logId }
  const entityTypes = await checkedEntities(watch, context, grants)
  const token = newToken()
  return {
    ...start,
    token,
    bucket: bucketOf(token),
    subject: claims.subject,
    level: claims.level,
    scopes: claims.scopes,
    tokenId: claims.tokenId,
    tokenEnd: tokenEnd(claims),
    service: request.service,
    key: request.key,
    request: definition,
    entityTypes: Object.fromEntries(entityTypes),
    leaseMs: completeRequest(request).leaseMs,
  }
}

/** Checks the subscriptions as a watch does. Gives the types of the entities that they name. */
async function checkedEntities(watch: WatchRequest, context: NotifierContext, grants: Grants): Promise<EntityTypes> {
  const initial = watch.subscriptions.findIndex(({ target }) => target.case === 'query' && target.value.initial)
  if (initial >= 0) {
    throw new QError('invalid_request', 'a registration does not begin with results; ask the query itself', {
      field: `subscriptions[${initial}].query.initial`,
    })
  }
  const stream = new WatchStream(watch.subscriptions, context.queueLimits, grants)
  stream.entityTypes = await assertTargets(watch, context, grants)
  if (stream.followed !== undefined) await checkedTrackers(stream.followed, context)
  return stream.entityTypes
}

async function answer(token: string, joined: boolean, { pool, config }: NotifierContext): Promise<RegisterResponse> {
  const [row] = await readDatabase(loadRegistrations(pool, [token]))
  if (row === undefined) throw unknownRegistration()
  return create(RegisterResponseSchema, { registration: registrationMessage(row, config.store), joined })
}
