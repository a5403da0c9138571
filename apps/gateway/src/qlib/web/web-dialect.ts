import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampNow } from '@bufbuild/protobuf/wkt'
import {
  WebHeader_AuthenticationStatusEnum as AuthenticationStatus,
  WebErrorSchema,
  WebHeaderSchema,
  WebMessageSchema,
  type WebMessage,
} from '@qcore/contracts/legacy/protobufs'
import { QError } from '@qcore/errors'
import type { Dialect } from '../message/dialect.ts'
import { typeUrlOf } from '../message/envelope.ts'
import type { Answer } from '../message/route.ts'
import { configRoutes } from './config-routes.ts'
import { runtimeRoutes } from './runtime-routes.ts'
import { temporaryRoutes } from './temporary-routes.ts'

/** The messages of 2024 and early 2025, whose clients ask for their notifications. */
export const webDialect: Dialect = {
  package: 'protobufs',
  routes: new Map([...configRoutes, ...runtimeRoutes, ...temporaryRoutes]),
  readHeader(header) {
    try {
      return { id: fromBinary(WebHeaderSchema, header).id, accessToken: '' }
    } catch (error) {
      throw new QError('invalid_request', 'the header is not a WebHeader', { field: 'header', cause: error })
    }
  },
  writeAnswer: (id, answer) => toBinary(WebMessageSchema, webAnswer(id, answer)),
}

/** The answer to the request of an id. */
export function webAnswer(id: string, { typeName, value, error }: Answer): WebMessage {
  const isUnknown = error?.status === 'unauthenticated'
  const header: MessageInitShape<typeof WebHeaderSchema> = {
    id,
    timestamp: timestampNow(),
    authenticationStatus: isUnknown ? AuthenticationStatus.UNAUTHENTICATED : AuthenticationStatus.AUTHENTICATED,
  }
  if (error !== undefined) {
    const { code, message, field } = error
    header.error = create(WebErrorSchema, { code, message, field })
  }
  return create(WebMessageSchema, { header, payload: { typeUrl: typeUrlOf(typeName), value } })
}
