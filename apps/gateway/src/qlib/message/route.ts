import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { reflect } from '@bufbuild/protobuf/reflect'
import { isQError, QError } from '@qcore/errors'
import type { Session } from '../session.ts'

/**
 * When a request of a connection is carried out: a `change` after everything before it, and before everything after it; a
 * `read` together with other reads; one that is `free` at once.
 */
export type Turn = 'change' | 'read' | 'free'

/** What an answer holds besides its header. */
export interface Answer {
  /** The full name of the payload's message. */
  readonly typeName: string
  readonly value: Uint8Array
  /** Why there is no result. */
  readonly error?: QError
}

/** How a request is answered. */
export interface Route {
  readonly request: DescMessage
  readonly response: DescMessage
  /** Answers in the turn of the request. Never rejects with an error of the store: the answer tells of it. */
  answer(session: Session, value: Uint8Array): Promise<Answer>
  /** The answer to a request that is not carried out. */
  refuse(value: Uint8Array, error: QError): Answer
}

/** The numbers of SUCCESS and FAILURE in every response that has a status. */
const success = 1
const failure = 2

/** Everything that a route needs but its messages. */
export interface RouteBody<I extends DescMessage, O extends DescMessage> {
  readonly turn: Turn | ((request: MessageShape<I>) => Turn)
  readonly run: (session: Session, request: MessageShape<I>) => Promise<MessageInitShape<O>>
  /** What the answer holds if `run` failed, besides its status. */
  readonly fail?: (request: MessageShape<I>, error: QError) => MessageInitShape<O>
}

/** Answers requests of a kind. A status that the result leaves out says whether there is one. */
export function route<I extends DescMessage, O extends DescMessage>(
  request: I,
  response: O,
  { turn, run, fail }: RouteBody<I, O>,
): [name: string, route: Route] {
  const encode = (init: MessageInitShape<O> | undefined, status: number): Uint8Array => {
    const message = create(response, init)
    const field = response.field['status']
    if (field !== undefined) {
      const fields = reflect(response, message)
      if (!fields.isSet(field)) fields.set(field, status)
    }
    return toBinary(response, message)
  }
  const refuse = (value: Uint8Array, error: QError): Answer => {
    const message = decoded(request, value)
    const init = message === undefined ? undefined : fail?.(message, error)
    return { typeName: response.typeName, value: encode(init, failure), error }
  }
  const answer = async (session: Session, value: Uint8Array): Promise<Answer> => {
    try {
      const message = decode(request, value)
      const ownTurn = typeof turn === 'function' ? turn(message) : turn
      const result = await session.turns.take(ownTurn, () => run(session, message))
      return { typeName: response.typeName, value: encode(result, success) }
    } catch (error) {
      if (!isQError(error)) throw error
      return refuse(value, error)
    }
  }
  return [request.name, { request, response, answer, refuse }]
}

function decode<I extends DescMessage>(schema: I, value: Uint8Array): MessageShape<I> {
  const message = decoded(schema, value)
  if (message !== undefined) return message
  throw new QError('invalid_request', `the payload is not a ${schema.name}`, { field: 'payload' })
}

/** Undefined for bytes that are no such message. */
function decoded<I extends DescMessage>(schema: I, value: Uint8Array): MessageShape<I> | undefined {
  try {
    return fromBinary(schema, value)
  } catch {
    return undefined
  }
}
