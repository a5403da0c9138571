import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { anyPack, timestampNow } from '@bufbuild/protobuf/wkt'
import {
  ApiErrorSchema,
  ApiHeaderSchema,
  ApiMessageSchema,
  DatabaseNotificationSchema,
  type ApiHeader,
} from '@qcore/contracts/legacy/qprotobufs'
import { QError } from '@qcore/errors'
import type { Dialect } from '../message/dialect.ts'
import { typeUrlOf } from '../message/envelope.ts'
import { apiConfigRoutes } from './config-routes.ts'
import { apiRuntimeRoutes } from './runtime-routes.ts'

/** The messages of April and May 2025: a token in every header, and notifications that are sent. */
export const apiDialect: Dialect = {
  package: 'qprotobufs',
  routes: new Map([...apiConfigRoutes, ...apiRuntimeRoutes]),
  readHeader(header) {
    try {
      const { id, accessToken } = fromBinary(ApiHeaderSchema, header)
      return { id, accessToken }
    } catch (error) {
      throw new QError('invalid_request', 'the header is not an ApiHeader', { field: 'header', cause: error })
    }
  },
  writeAnswer(id, { typeName, value, error }) {
    const payload = { typeUrl: typeUrlOf(typeName), value }
    return toBinary(ApiMessageSchema, create(ApiMessageSchema, { header: headerOf(id, error), payload }))
  },
  writeNotification(notification) {
    const payload = anyPack(DatabaseNotificationSchema, create(DatabaseNotificationSchema, notification))
    return toBinary(ApiMessageSchema, create(ApiMessageSchema, { header: headerOf('', undefined), payload }))
  },
}

function headerOf(id: string, error: QError | undefined): ApiHeader {
  const header = create(ApiHeaderSchema, { id, timestamp: timestampNow() })
  if (error !== undefined) {
    const { code, message, field } = error
    header.error = create(ApiErrorSchema, { code, message, field })
  }
  return header
}
