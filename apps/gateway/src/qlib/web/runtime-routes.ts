import { create, toBinary } from '@bufbuild/protobuf'
import {
  DatabaseNotificationConfigSchema,
  WebRuntimeDatabaseRequest_RequestTypeEnum as RequestType,
  WebRuntimeDatabaseRequestSchema,
  WebRuntimeDatabaseResponseSchema,
  WebRuntimeEntityExistsRequestSchema,
  WebRuntimeEntityExistsResponseSchema,
  WebRuntimeFieldExistsRequestSchema,
  WebRuntimeFieldExistsResponseSchema,
  WebRuntimeGetDatabaseConnectionStatusRequestSchema,
  WebRuntimeGetDatabaseConnectionStatusResponseSchema,
  WebRuntimeGetEntitiesRequestSchema,
  WebRuntimeGetEntitiesResponseSchema,
  WebRuntimeGetNotificationsRequestSchema,
  WebRuntimeGetNotificationsResponseSchema,
  WebRuntimeRegisterNotificationRequestSchema,
  WebRuntimeRegisterNotificationResponseSchema,
  WebRuntimeUnregisterNotificationRequestSchema,
  WebRuntimeUnregisterNotificationResponseSchema,
  type DatabaseNotificationConfig,
} from '@qcore/contracts/legacy/protobufs'
import { route } from '../message/route.ts'
import { registerOrNot } from '../notify/register-or-not.ts'
import { accessFields } from '../store/access-fields.ts'
import { databaseAnswers } from '../store/database-answer.ts'
import { entityExists, fieldExists, listEntities } from '../store/entities.ts'
import { webEntity } from './web-entity.ts'

/** The requests that concern fields and notifications. */
export const runtimeRoutes = [
  route(WebRuntimeDatabaseRequestSchema, WebRuntimeDatabaseResponseSchema, {
    turn: ({ requestType }) => (requestType === RequestType.WRITE ? 'change' : 'read'),
    run: async ({ store }, { requestType, requests }) => {
      const outcomes = await accessFields(store, requestType, requests)
      return { response: databaseAnswers(requests, outcomes) }
    },
    fail: ({ requests }, error) => ({
      response: databaseAnswers(
        requests,
        requests.map(() => ({ success: false, error })),
      ),
    }),
  }),
  route(WebRuntimeRegisterNotificationRequestSchema, WebRuntimeRegisterNotificationResponseSchema, {
    turn: 'change',
    run: async ({ registrations }, { requests }) => ({
      tokens: await Promise.all(requests.map((config) => registerOrNot(registrations, tokenOf(config), config))),
    }),
  }),
  route(WebRuntimeGetNotificationsRequestSchema, WebRuntimeGetNotificationsResponseSchema, {
    turn: 'free',
    run: async ({ inbox }) => ({ notifications: inbox.take() }),
  }),
  route(WebRuntimeUnregisterNotificationRequestSchema, WebRuntimeUnregisterNotificationResponseSchema, {
    turn: 'change',
    run: async ({ registrations }, { tokens }) => {
      await Promise.all(tokens.map((token) => registrations.unregister(token)))
      return {}
    },
  }),
  route(WebRuntimeGetDatabaseConnectionStatusRequestSchema, WebRuntimeGetDatabaseConnectionStatusResponseSchema, {
    turn: 'free',
    run: async ({ probe }) => ({ connected: await probe.isConnected() }),
  }),
  route(WebRuntimeGetEntitiesRequestSchema, WebRuntimeGetEntitiesResponseSchema, {
    turn: 'read',
    run: async ({ store }, { entityType }) => ({ entities: (await listEntities(store, entityType)).map(webEntity) }),
  }),
  route(WebRuntimeFieldExistsRequestSchema, WebRuntimeFieldExistsResponseSchema, {
    turn: 'read',
    run: async ({ store }, { fieldName, entityType }) => ({ exists: await fieldExists(store, fieldName, entityType) }),
  }),
  route(WebRuntimeEntityExistsRequestSchema, WebRuntimeEntityExistsResponseSchema, {
    turn: 'read',
    run: async ({ store }, { entityId }) => ({ exists: await entityExists(store, entityId) }),
  }),
]

/** The token of a registration: what it says, so that a client knows it again. */
export function tokenOf(config: DatabaseNotificationConfig): string {
  const { id, type, field, contextFields, notifyOnChange, serviceId } = config
  const known = { id, type, field, contextFields, notifyOnChange, serviceId }
  const message = create(DatabaseNotificationConfigSchema, known)
  return Buffer.from(toBinary(DatabaseNotificationConfigSchema, message)).toString('base64')
}
