import { fromBinary, toBinary, type Message } from '@bufbuild/protobuf'
import {
  CommitManyRequestSchema,
  WriteOption,
  type CommitManyRequest,
  type CommitRequest,
  type Mutation,
  type Value,
  type WriteField,
} from '@qcore/contracts'
import { encodeEmitEvent, readEmitEvent } from './emit-event-message.ts'
import { ProtoWriter } from './proto-writer.ts'
import { readValue } from './read-fields-answer.ts'
import { WireReader } from './wire-reader.ts'

const number = {
  commits: 1,
  session: 2,
  sequence: 3,
  follows: 4,
  mutations: 1,
  idempotencyKey: 3,
  writeField: 3,
  emitEvent: 9,
  entityId: 1,
  field: 2,
  value: 3,
  option: 4,
  int: 1,
  float: 2,
  string: 3,
  bool: 4,
} as const

const bytesTag = (field: number): number => (field << 3) | 2
const varintTag = (field: number): number => (field << 3) | 0
const tag = {
  commits: bytesTag(number.commits),
  session: bytesTag(number.session),
  sequence: varintTag(number.sequence),
  follows: varintTag(number.follows),
  mutations: bytesTag(number.mutations),
  idempotencyKey: bytesTag(number.idempotencyKey),
  writeField: bytesTag(number.writeField),
  emitEvent: bytesTag(number.emitEvent),
  entityId: bytesTag(number.entityId),
  field: bytesTag(number.field),
  value: bytesTag(number.value),
  option: varintTag(number.option),
} as const

let scratch: ProtoWriter | undefined

/** Encodes a request of commits that write fields and emit events as protobuf-es does and faster; other requests are left to it. */
export function encodeCommitManyRequest(request: CommitManyRequest): Uint8Array {
  const out = (scratch ??= new ProtoWriter())
  out.rewind()
  const isUsual = isKnown(request) && request.commits.every((commit) => encodeCommit(out, commit))
  if (!isUsual || !isCounter(request.sequence) || !isCounter(request.follows)) {
    return toBinary(CommitManyRequestSchema, request)
  }
  if (request.session !== '') out.text(number.session, request.session)
  out.uint(number.sequence, Number(request.sequence))
  out.uint(number.follows, Number(request.follows))
  return Buffer.from(out.slice(0, out.length))
}

/** Whether a message was made by this version. What it does not know of a newer one's is kept for who gets it next. */
export function isKnown({ $unknown }: Message): boolean {
  return $unknown === undefined
}

function isCounter(value: bigint): boolean {
  return value >= 0n && value <= Number.MAX_SAFE_INTEGER
}

/** False if there is something unusual in it. */
function encodeCommit(out: ProtoWriter, commit: CommitRequest): boolean {
  const { mutations, conditions, idempotencyKey, dryRun } = commit
  if (conditions.length > 0 || dryRun || !isKnown(commit)) return false
  const start = out.begin(number.commits)
  for (const mutation of mutations) if (!encodeMutation(out, mutation)) return false
  if (idempotencyKey !== '') out.text(number.idempotencyKey, idempotencyKey)
  out.finish(start)
  return true
}

/** Encodes a member `mutations` of a commit as protobuf-es does; false if there is something unusual in it. */
export function encodeMutation(out: ProtoWriter, mutation: Mutation): boolean {
  const { kind } = mutation
  if (!isKnown(mutation)) return false
  const start = out.begin(number.mutations)
  if (kind.case === 'writeField') {
    const writeStart = out.begin(number.writeField)
    if (!encodeWrite(out, kind.value)) return false
    out.finish(writeStart)
  } else if (kind.case === 'emitEvent') {
    const eventStart = out.begin(number.emitEvent)
    if (!encodeEmitEvent(out, kind.value)) return false
    out.finish(eventStart)
  } else {
    return false
  }
  out.finish(start)
  return true
}

function encodeWrite(out: ProtoWriter, write: WriteField): boolean {
  const { entityId, field, value, option, writeTime } = write
  if (writeTime !== undefined || value === undefined || !isKnown(value) || !isKnown(write)) return false
  if (entityId !== '') out.text(number.entityId, entityId)
  if (field !== '') out.text(number.field, field)
  const valueStart = out.begin(number.value)
  if (!encodeKind(out, value.kind)) return false
  out.finish(valueStart)
  out.uint(number.option, option)
  return true
}

export function encodeKind(out: ProtoWriter, kind: Value['kind']): boolean {
  switch (kind.case) {
    case 'int':
      if (typeof kind.value !== 'bigint' || BigInt.asIntN(64, kind.value) !== kind.value) return false
      out.int64(number.int, kind.value)
      return true
    case 'float':
      out.double(number.float, kind.value)
      return true
    case 'string':
      out.text(number.string, kind.value)
      return true
    case 'bool':
      out.bool(number.bool, kind.value)
      return true
    default:
      return false
  }
}

/** Decodes such a request as protobuf-es does and faster. What is not usual in it is left to protobuf-es. */
export function decodeCommitManyRequest(body: Uint8Array): CommitManyRequest {
  return usualRequest(new WireReader(body)) ?? fromBinary(CommitManyRequestSchema, body)
}

/** Undefined: there is something unusual in it, or it is no such request. */
function usualRequest(reader: WireReader): CommitManyRequest | undefined {
  const commits: CommitRequest[] = []
  let session = ''
  let sequence = 0n
  let follows = 0n
  while (reader.position < reader.end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.commits:
        commits.push(readCommit(reader, reader.limit()))
        break
      case tag.session:
        session = reader.text()
        break
      case tag.sequence:
        sequence = reader.unsigned()
        break
      case tag.follows:
        follows = reader.unsigned()
        break
      default:
        return undefined
    }
  }
  if (reader.isUnusual || reader.position !== reader.end) return undefined
  return { $typeName: 'qcore.store.v1.CommitManyRequest', commits, session, sequence, follows }
}

function readCommit(reader: WireReader, end: number): CommitRequest {
  const mutations: Mutation[] = []
  let idempotencyKey = ''
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.mutations:
        mutations.push(readMutation(reader, reader.limit()))
        break
      case tag.idempotencyKey:
        idempotencyKey = reader.text()
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end) reader.giveUp()
  return { $typeName: 'qcore.store.v1.CommitRequest', mutations, conditions: [], idempotencyKey, dryRun: false }
}

function readMutation(reader: WireReader, end: number): Mutation {
  // Of several members the last one counts; two of one kind are merged.
  const kind = reader.position < end ? readMutationKind(reader) : undefined
  if (kind === undefined || reader.position !== end) reader.giveUp()
  return { $typeName: 'qcore.store.v1.Mutation', kind: kind ?? { case: undefined } }
}

function readMutationKind(reader: WireReader): Mutation['kind'] | undefined {
  switch (reader.byte()) {
    case tag.writeField:
      return { case: 'writeField', value: readWrite(reader, reader.limit()) }
    case tag.emitEvent:
      return { case: 'emitEvent', value: readEmitEvent(reader, reader.limit()) }
    default:
      return undefined
  }
}

function readWrite(reader: WireReader, end: number): WriteField {
  let entityId = ''
  let field = ''
  let value: Value | undefined
  let option: WriteOption = WriteOption.UNSPECIFIED
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.entityId:
        entityId = reader.text()
        break
      case tag.field:
        field = reader.repeatedText()
        break
      case tag.value:
        if (value !== undefined) reader.giveUp()
        value = readValue(reader, reader.limit())
        break
      case tag.option:
        option = reader.small() as WriteOption
        break
      default:
        reader.giveUp()
    }
  }
  const $typeName = 'qcore.store.v1.WriteField'
  if (reader.position !== end || value === undefined) {
    reader.giveUp()
    return { $typeName, entityId, field, option }
  }
  return { $typeName, entityId, field, value, option }
}
