import { create, toBinary } from '@bufbuild/protobuf'
import {
  ApiRuntimeDatabaseRequest_RequestTypeEnum as RequestType,
  ApiRuntimeDatabaseRequestSchema,
  ApiRuntimeDatabaseResponseSchema,
  ApiRuntimeEntityExistsRequestSchema,
  ApiRuntimeEntityExistsResponseSchema,
  ApiRuntimeFieldExistsRequestSchema,
  ApiRuntimeFieldExistsResponseSchema,
  ApiRuntimeFindEntitiesRequestSchema,
  ApiRuntimeFindEntitiesResponseSchema,
  ApiRuntimeGetDatabaseConnectionStatusRequestSchema,
  ApiRuntimeGetDatabaseConnectionStatusResponse_StatusEnum as ConnectionStatus,
  ApiRuntimeGetDatabaseConnectionStatusResponseSchema,
  ApiRuntimeGetEntityTypesRequestSchema,
  ApiRuntimeGetEntityTypesResponseSchema,
  ApiRuntimeQueryRequestSchema,
  ApiRuntimeQueryResponseSchema,
  ApiRuntimeRegisterNotificationRequestSchema,
  ApiRuntimeRegisterNotificationResponse_StatusEnum as RegisterStatus,
  ApiRuntimeRegisterNotificationResponseSchema,
  ApiRuntimeUnregisterNotificationRequestSchema,
  ApiRuntimeUnregisterNotificationResponseSchema,
  DatabaseNotificationConfigSchema,
  type DatabaseNotificationConfig,
} from '@qcore/contracts/legacy/qprotobufs'
import { route } from '../message/route.ts'
import { registerOrNot } from '../notify/register-or-not.ts'
import { accessFields } from '../store/access-fields.ts'
import { databaseAnswers } from '../store/database-answer.ts'
import { entityExists, fieldExists, findPage } from '../store/entities.ts'
import { pageSizeOf } from '../page-cursors.ts'
import { queryPage } from './query-page.ts'
import { isTreeField } from './tree-fields.ts'

/** The requests that concern fields and notifications. */
export const apiRuntimeRoutes = [
  route(ApiRuntimeDatabaseRequestSchema, ApiRuntimeDatabaseResponseSchema, {
    turn: ({ requestType }) => (requestType === RequestType.WRITE ? 'change' : 'read'),
    run: async ({ store }, { requestType, requests }) => ({
      response: databaseAnswers(requests, await accessFields(store, requestType, requests)),
    }),
    fail: ({ requests }, error) => ({
      response: databaseAnswers(
        requests,
        requests.map(() => ({ success: false, error })),
      ),
    }),
  }),
  route(ApiRuntimeRegisterNotificationRequestSchema, ApiRuntimeRegisterNotificationResponseSchema, {
    turn: 'change',
    run: async ({ registrations }, { requests }) => {
      const registering = requests.map((config) => registerOrNot(registrations, tokenOf(config), config))
      const tokens = await Promise.all(registering)
      return { tokens, status: tokens.includes('') ? RegisterStatus.FAILURE : RegisterStatus.SUCCESS }
    },
  }),
  route(ApiRuntimeUnregisterNotificationRequestSchema, ApiRuntimeUnregisterNotificationResponseSchema, {
    turn: 'change',
    run: async ({ registrations }, { tokens }) => {
      await Promise.all(tokens.map((token) => registrations.unregister(token)))
      return {}
    },
  }),
  route(ApiRuntimeGetDatabaseConnectionStatusRequestSchema, ApiRuntimeGetDatabaseConnectionStatusResponseSchema, {
    turn: 'free',
    run: async ({ probe }) => {
      const connected = await probe.isConnected()
      return { connected, status: connected ? ConnectionStatus.CONNECTED : ConnectionStatus.DISCONNECTED }
    },
  }),
  route(ApiRuntimeFindEntitiesRequestSchema, ApiRuntimeFindEntitiesResponseSchema, {
    turn: 'read',
    run: async ({ store, cursors }, { entityType, pageSize, cursor }) => {
      const request = `find ${entityType} ${pageSizeOf(pageSize)}`
      const at = cursors.find(request, cursor)
      const page = await findPage(store, entityType, { pageSize: pageSizeOf(pageSize), cursor: at })
      return { entities: page.ids, nextCursor: cursors.keep(request, page.cursor) }
    },
  }),
  route(ApiRuntimeGetEntityTypesRequestSchema, ApiRuntimeGetEntityTypesResponseSchema, {
    turn: 'read',
    run: async ({ store }, { pageSize, cursor }) => {
      const types = await store.client.types()
      const start = Math.max(0, Number(cursor))
      const end = start + pageSizeOf(pageSize)
      return { entityTypes: types.slice(start, end), nextCursor: end < types.length ? BigInt(end) : -1n }
    },
  }),
  route(ApiRuntimeFieldExistsRequestSchema, ApiRuntimeFieldExistsResponseSchema, {
    turn: 'read',
    run: async ({ store }, { fieldName, entityType }) => {
      const isOwn = await fieldExists(store, fieldName, entityType)
      return { exists: isOwn || (isTreeField(fieldName) && (await store.client.exists({ type: entityType }))) }
    },
  }),
  route(ApiRuntimeEntityExistsRequestSchema, ApiRuntimeEntityExistsResponseSchema, {
    turn: 'read',
    run: async ({ store }, { entityId }) => ({ exists: await entityExists(store, entityId) }),
  }),
  route(ApiRuntimeQueryRequestSchema, ApiRuntimeQueryResponseSchema, {
    turn: 'read',
    run: async ({ store, cursors }, { query, pageSize, cursor }) => {
      const request = `query ${pageSizeOf(pageSize)} ${query}`
      const at = cursors.find(request, cursor)
      const page = await queryPage(store, query, { pageSize: pageSizeOf(pageSize), cursor: at })
      return { rows: page.rows, nextCursor: cursors.keep(request, page.cursor) }
    },
  }),
]

/** The token of a registration, which the clients of this dialect compute themselves. */
export function tokenOf(config: DatabaseNotificationConfig): string {
  const { id, type, field, contextFields, notifyOnChange, serviceId, distributed } = config
  const known = { id, type, field, contextFields, notifyOnChange, serviceId, distributed }
  const message = create(DatabaseNotificationConfigSchema, known)
  return Buffer.from(toBinary(DatabaseNotificationConfigSchema, message)).toString('base64')
}
