import { fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  AckRequestSchema,
  AckResponseSchema,
  type AckOutcome,
  type AckRequest,
  type AckResponse,
  type EventAnswer,
} from '@qcore/contracts'
import { ProtoWriter } from './proto-writer.ts'
import { WireReader } from './wire-reader.ts'

const number = {
  namespace: 1,
  nodeId: 2,
  answers: 3,
  deliveryId: 1,
  handled: 2,
  outcomes: 1,
  noted: 1,
} as const

const bytesTag = (field: number): number => (field << 3) | 2
const tag = {
  namespace: bytesTag(number.namespace),
  nodeId: bytesTag(number.nodeId),
  answers: bytesTag(number.answers),
  deliveryId: bytesTag(number.deliveryId),
  handled: bytesTag(number.handled),
  outcomes: bytesTag(number.outcomes),
  noted: bytesTag(number.noted),
} as const

let scratch: ProtoWriter | undefined

/** Encodes answers to events that were all handled as protobuf-es does and faster; other answers are left to it. */
export function encodeAckRequest(request: AckRequest): Uint8Array {
  const out = (scratch ??= new ProtoWriter())
  out.rewind()
  if (request.namespace !== '') out.text(number.namespace, request.namespace)
  if (request.nodeId !== '') out.text(number.nodeId, request.nodeId)
  if (request.$unknown !== undefined || !request.answers.every((answer) => encodeHandled(out, answer))) {
    return toBinary(AckRequestSchema, request)
  }
  return Buffer.from(out.slice(0, out.length))
}

/** False if there is something unusual in it. */
function encodeHandled(out: ProtoWriter, { deliveryId, answer, $unknown }: EventAnswer): boolean {
  if (answer.case !== 'handled' || $unknown !== undefined || answer.value.$unknown !== undefined) return false
  const start = out.begin(number.answers)
  if (deliveryId !== '') out.text(number.deliveryId, deliveryId)
  out.finish(out.begin(number.handled))
  out.finish(start)
  return true
}

/** Decodes such answers as protobuf-es does and faster. What is not usual in them is left to protobuf-es. */
export function decodeAckRequest(body: Uint8Array): AckRequest {
  return usualRequest(new WireReader(body)) ?? fromBinary(AckRequestSchema, body)
}

/** Undefined: there is something unusual in it, or it is no such request. */
function usualRequest(reader: WireReader): AckRequest | undefined {
  const answers: EventAnswer[] = []
  let namespace = ''
  let nodeId = ''
  while (reader.position < reader.end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.namespace:
        namespace = reader.text()
        break
      case tag.nodeId:
        nodeId = reader.text()
        break
      case tag.answers:
        answers.push(readHandled(reader, reader.limit()))
        break
      default:
        return undefined
    }
  }
  if (reader.isUnusual || reader.position !== reader.end) return undefined
  return { $typeName: 'qcore.events.v1.AckRequest', namespace, nodeId, answers }
}

function readHandled(reader: WireReader, end: number): EventAnswer {
  if (reader.byte() !== tag.deliveryId) reader.giveUp()
  const deliveryId = reader.text()
  // Of two members the last one counts.
  if (reader.byte() !== tag.handled || reader.small() !== 0 || reader.position !== end) reader.giveUp()
  const value = { $typeName: 'qcore.events.v1.EventHandled' as const }
  return { $typeName: 'qcore.events.v1.EventAnswer', deliveryId, answer: { case: 'handled', value } }
}

/** Encodes that all answers were noted as protobuf-es does and faster; other outcomes are left to it. */
export function encodeAckResponse(response: AckResponse): Uint8Array {
  const out = (scratch ??= new ProtoWriter())
  out.rewind()
  if (response.$unknown !== undefined || !response.outcomes.every((outcome) => encodeNoted(out, outcome))) {
    return toBinary(AckResponseSchema, response)
  }
  return Buffer.from(out.slice(0, out.length))
}

/** False if there is something unusual in it. */
function encodeNoted(out: ProtoWriter, { outcome, $unknown }: AckOutcome): boolean {
  if (outcome.case !== 'noted' || $unknown !== undefined || outcome.value.$unknown !== undefined) return false
  const start = out.begin(number.outcomes)
  out.finish(out.begin(number.noted))
  out.finish(start)
  return true
}

/** Decodes such an answer as protobuf-es does and faster. What is not usual in it is left to protobuf-es. */
export function decodeAckResponse(body: Uint8Array): AckResponse {
  return usualResponse(new WireReader(body)) ?? fromBinary(AckResponseSchema, body)
}

/** Undefined: there is something unusual in it, or it is no such answer. */
function usualResponse(reader: WireReader): AckResponse | undefined {
  const outcomes: AckOutcome[] = []
  while (reader.position < reader.end && !reader.isUnusual) {
    if (reader.byte() !== tag.outcomes) return undefined
    outcomes.push(readNoted(reader, reader.limit()))
  }
  if (reader.isUnusual || reader.position !== reader.end) return undefined
  return { $typeName: 'qcore.events.v1.AckResponse', outcomes }
}

function readNoted(reader: WireReader, end: number): AckOutcome {
  if (reader.byte() !== tag.noted || reader.small() !== 0 || reader.position !== end) reader.giveUp()
  const value = { $typeName: 'qcore.events.v1.AckNoted' as const }
  return { $typeName: 'qcore.events.v1.AckOutcome', outcome: { case: 'noted', value } }
}
