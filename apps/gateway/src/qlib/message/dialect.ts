import type { QError } from '@qcore/errors'
import type { NotificationInit } from '../notify/notification-init.ts'
import type { DialectPackage } from './dialect-package.ts'
import type { Answer, Route } from './route.ts'

/** What the header of a request says. */
export interface RequestHeader {
  /** Names the request; its answer has the same. */
  readonly id: string
  /** A token, in the dialect that has one there; otherwise empty. */
  readonly accessToken: string
}

/** A family of qlib's messages. All are answered by the same operations. */
export interface Dialect {
  readonly package: DialectPackage
  /** By the name of the request, without its package. */
  readonly routes: ReadonlyMap<string, Route>
  /** @throws QError `invalid_request` */
  readHeader(header: Uint8Array): RequestHeader
  /** The bytes of an answer to a request. */
  writeAnswer(id: string, answer: Answer): Uint8Array
  /** The bytes of a notification that is sent without being asked for; absent where clients ask. */
  readonly writeNotification?: (notification: NotificationInit) => Uint8Array
}

/** What answers a request of an unknown name: clients expect a payload, whatever it is, and an id. */
export function unknownAnswer(typeName: string, error: QError): Answer {
  const response = typeName.endsWith('Request') ? typeName.replace(/Request$/, 'Response') : typeName
  return { typeName: response === '' ? 'google.protobuf.Empty' : response, value: new Uint8Array(0), error }
}
