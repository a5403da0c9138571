import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Timestamp } from '@bufbuild/protobuf/wkt'
import {
  CommitManyResponseSchema,
  type CommitManyResponse,
  type CommitOutcome,
  type CommitResponse,
  type MutationResult,
} from '@qcore/contracts'
import { ProtoWriter } from './proto-writer.ts'
import { readTime } from './read-fields-answer.ts'
import { WireReader } from './wire-reader.ts'

const number = {
  outcomes: 1,
  response: 1,
  revision: 1,
  commitTime: 2,
  results: 3,
  seconds: 1,
  nanos: 2,
  entityId: 1,
  changed: 2,
  field: 3,
  eventId: 4,
  scheduleId: 5,
  configRevision: 6,
  configExisted: 7,
  configId: 8,
} as const

const bytesTag = (field: number): number => (field << 3) | 2
const varintTag = (field: number): number => (field << 3) | 0
const tag = {
  outcomes: bytesTag(number.outcomes),
  response: bytesTag(number.response),
  revision: varintTag(number.revision),
  commitTime: bytesTag(number.commitTime),
  results: bytesTag(number.results),
  entityId: bytesTag(number.entityId),
  changed: varintTag(number.changed),
  field: bytesTag(number.field),
  eventId: bytesTag(number.eventId),
  scheduleId: bytesTag(number.scheduleId),
  configRevision: varintTag(number.configRevision),
  configExisted: varintTag(number.configExisted),
  configId: bytesTag(number.configId),
} as const

let scratch: ProtoWriter | undefined

/** Encodes the answer to commits that were made as protobuf-es does and faster; other answers are left to it. */
export function encodeCommitManyResponse(response: CommitManyResponse): Uint8Array {
  const out = (scratch ??= new ProtoWriter())
  out.rewind()
  if (response.$unknown !== undefined || !response.outcomes.every((outcome) => encodeOutcome(out, outcome))) {
    return toBinary(CommitManyResponseSchema, response)
  }
  return Buffer.from(out.slice(0, out.length))
}

/** False if there is something unusual in it. */
function encodeOutcome(out: ProtoWriter, { outcome, $unknown }: CommitOutcome): boolean {
  if (outcome.case !== 'response' || $unknown !== undefined) return false
  const { revision, commitTime, results, plans, $unknown: further } = outcome.value
  if (plans.length > 0 || further !== undefined || !isCounter(revision)) return false
  const start = out.begin(number.outcomes)
  const responseStart = out.begin(number.response)
  out.uint(number.revision, Number(revision))
  if (commitTime !== undefined && !encodeTime(out, commitTime)) return false
  for (const result of results) if (!encodeResult(out, result)) return false
  out.finish(responseStart)
  out.finish(start)
  return true
}

function encodeTime(out: ProtoWriter, { seconds, nanos, $unknown }: Timestamp): boolean {
  if (!isCounter(seconds) || nanos < 0 || $unknown !== undefined) return false
  const start = out.begin(number.commitTime)
  out.uint(number.seconds, Number(seconds))
  out.uint(number.nanos, nanos)
  out.finish(start)
  return true
}

function encodeResult(out: ProtoWriter, result: MutationResult): boolean {
  const { entityId, changed, field, eventId, scheduleId, configRevision, configExisted, configId, $unknown } = result
  if ($unknown !== undefined || !isCounter(configRevision)) return false
  const start = out.begin(number.results)
  if (entityId !== '') out.text(number.entityId, entityId)
  if (changed) out.bool(number.changed, true)
  if (field !== '') out.text(number.field, field)
  if (eventId !== '') out.text(number.eventId, eventId)
  if (scheduleId !== '') out.text(number.scheduleId, scheduleId)
  out.uint(number.configRevision, Number(configRevision))
  if (configExisted) out.bool(number.configExisted, true)
  if (configId !== '') out.text(number.configId, configId)
  out.finish(start)
  return true
}

function isCounter(value: bigint): boolean {
  return value >= 0n && value <= Number.MAX_SAFE_INTEGER
}

/** Decodes such an answer as protobuf-es does and faster. What is not usual in it is left to protobuf-es. */
export function decodeCommitManyResponse(body: Uint8Array): CommitManyResponse {
  return usualResponse(new WireReader(body)) ?? fromBinary(CommitManyResponseSchema, body)
}

/** Undefined: there is something unusual in it, or it is no such answer. */
function usualResponse(reader: WireReader): CommitManyResponse | undefined {
  const outcomes: CommitOutcome[] = []
  while (reader.position < reader.end && !reader.isUnusual) {
    if (reader.byte() !== tag.outcomes) return undefined
    outcomes.push(readOutcome(reader, reader.limit()))
  }
  if (reader.isUnusual || reader.position !== reader.end) return undefined
  return { $typeName: 'qcore.store.v1.CommitManyResponse', outcomes }
}

function readOutcome(reader: WireReader, end: number): CommitOutcome {
  // Of two members the last one counts; two of one kind are merged.
  if (reader.position === end || reader.byte() !== tag.response) reader.giveUp()
  const value = readResponse(reader, reader.limit())
  if (reader.position !== end) reader.giveUp()
  return { $typeName: 'qcore.store.v1.CommitOutcome', outcome: { case: 'response', value } }
}

function readResponse(reader: WireReader, end: number): CommitResponse {
  const results: MutationResult[] = []
  let revision = 0n
  let commitTime: Timestamp | undefined
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.revision:
        revision = reader.unsigned()
        break
      case tag.commitTime:
        if (commitTime !== undefined) reader.giveUp()
        commitTime = readTime(reader, reader.limit())
        break
      case tag.results:
        results.push(readMutationResult(reader, reader.limit()))
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end) reader.giveUp()
  const $typeName = 'qcore.store.v1.CommitResponse'
  // A commit that changed nothing has no time.
  return commitTime === undefined
    ? { $typeName, revision, results, plans: [] }
    : { $typeName, revision, commitTime, results, plans: [] }
}

function readMutationResult(reader: WireReader, end: number): MutationResult {
  let entityId = ''
  let changed = false
  let field = ''
  let eventId = ''
  let scheduleId = ''
  let configRevision = 0n
  let configExisted = false
  let configId = ''
  while (reader.position < end && !reader.isUnusual) {
    switch (reader.byte()) {
      case tag.entityId:
        entityId = reader.text()
        break
      case tag.changed:
        changed = reader.unsigned() !== 0n
        break
      case tag.field:
        field = reader.text()
        break
      case tag.eventId:
        eventId = reader.text()
        break
      case tag.scheduleId:
        scheduleId = reader.text()
        break
      case tag.configRevision:
        configRevision = reader.unsigned()
        break
      case tag.configExisted:
        configExisted = reader.unsigned() !== 0n
        break
      case tag.configId:
        configId = reader.text()
        break
      default:
        reader.giveUp()
    }
  }
  if (reader.position !== end) reader.giveUp()
  const $typeName = 'qcore.store.v1.MutationResult'
  return { $typeName, entityId, changed, field, eventId, scheduleId, configRevision, configExisted, configId }
}
