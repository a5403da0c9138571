import {
  commit,
  isQError,
  Timestamp,
  type CommitBuilder,
  type CommitResult,
  type TypedValue,
  type WriteOptions,
} from '@qcore/client'
import { QError } from '@qcore/errors'
import { coerce } from '../value/coerce.ts'
import { defaultValue } from '../value/default-value.ts'
import { inputFromWire, messageOf, timestampOf } from '../value/field-value.ts'
import { readValue, writeValue, type WireValue } from '../value/wire-value.ts'
import { withAnnouncement } from './announcement.ts'
import type { DatabaseRequestLike } from './database-answer.ts'
import { assertAddress, failure, readFields, type Outcome } from './read-fields.ts'
import type { Store } from './store.ts'

/** WRITE_CHANGES of both dialects. */
const onlyChanges = 1
/** Writes of one commit: the most that one may have. */
const writesPerCommit = 1_000
/** Writes that a request may have refused one by one, each in an attempt; with more the rest is refused as a whole. */
const mostRefusals = 64

/** A write on its way. */
interface PendingWrite {
  readonly request: DatabaseRequestLike
  readonly index: number
  readonly wire: WireValue
  readonly value: TypedValue
  readonly options: Omit<WriteOptions, 'writeTime'> & { readonly writeTime?: Timestamp }
  /** Whether its value was made for the type that the field has. */
  readonly isFitted: boolean
  /** The entity's own name or parent, where that is what is written, and no field. */
  readonly ofTree: string | undefined
}

/**
 * Writes fields. Those of one request that can be written become one revision (1,000 at a time); each that cannot has an
 * error of its own, and does not hold up the others.
 */
export async function writeFields(store: Store, requests: readonly DatabaseRequestLike[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = Array.from({ length: requests.length })
  const prepared = await Promise.all(requests.map((request, index) => prepare(store, request, index)))
  const writes = prepared.flatMap((write, index) => {
    if (!('success' in write)) return [write]
    outcomes[index] = write
    return []
  })
  for (let start = 0; start < writes.length; start += writesPerCommit) {
    await commitWrites(store, writes.slice(start, start + writesPerCommit), outcomes)
  }
  return outcomes
}

async function prepare(store: Store, request: DatabaseRequestLike, index: number): Promise<PendingWrite | Outcome> {
  try {
    assertAddress(request)
    const options = writeOptions(request)
    const write = { request, index, options, ofTree: undefined }
    if (request.value === undefined) return { ...write, ...(await fitted(store, request)) }
    const wire = readValue(request.value)
    // The number of an option can only be told with the field.
    if (wire.type === 'Choice') return { ...write, ...(await fitted(store, request)) }
    return { ...write, wire, value: inputFromWire(wire, []), isFitted: false }
  } catch (error) {
    return failure(error)
  }
}

function writeOptions({ writeOpt, writeTime }: DatabaseRequestLike): PendingWrite['options'] {
  return {
    ifChanged: writeOpt === onlyChanges,
    ...(writeTime?.raw === undefined ? {} : { writeTime: timestampOf(writeTime.raw) }),
  }
}

/** The value for the type that the field has now; the default of the type if the request has none. */
async function fitted({ client, choices }: Store, request: DatabaseRequestLike) {
  const field = await client.read(request.id, request.field, { consistency: 'latest' })
  const given = request.value === undefined ? defaultValue(field.type) : readValue(request.value)
  const options = field.type === 'Choice' ? await choices.ofEntity(field.entityId, field.name) : []
  const wire = coerce(given, field.type)
  return { wire, value: inputFromWire(wire, options), isFitted: true }
}

/** Commits writes, without those that the store refuses, and notes what became of each. */
async function commitWrites(store: Store, writes: PendingWrite[], outcomes: Outcome[]): Promise<void> {
  let pending = writes
  for (let refusals = 0; pending.length > 0; refusals += 1) {
    try {
      const result = await store.client.commit(await commitOf(store, pending))
      await noteWritten(store, pending, result, outcomes)
      return
    } catch (error) {
      const blamed = refusals < mostRefusals ? blamedWrite(error, pending) : undefined
      if (blamed === undefined) {
        for (const { index } of pending) outcomes[index] = failure(error)
        return
      }
      pending = blamed.isFitted ? mended(pending, blamed, error, outcomes) : await fitAll(store, pending, outcomes)
    }
  }
}

/** Makes every value one of its field's type, and drops the writes of what is not there: in one look at all of them. */
async function fitAll(store: Store, writes: readonly PendingWrite[], outcomes: Outcome[]): Promise<PendingWrite[]> {
  const next = await Promise.all(
    writes.map(async (write): Promise<PendingWrite | undefined> => {
      try {
        return { ...write, ...(await fitted(store, write.request)) }
      } catch (error) {
        outcomes[write.index] = failure(error)
        return undefined
      }
    }),
  )
  return next.filter((write) => write !== undefined)
}

/** The writes without the one that was refused, or with another try of it: a name or a parent is changed as such. */
function mended(
  writes: readonly PendingWrite[],
  blamed: PendingWrite,
  error: unknown,
  outcomes: Outcome[],
): PendingWrite[] {
  const { type, raw } = blamed.wire
  const isOfTree = typeof raw === 'string' && treeTypes[blamed.request.field] === type
  if (isOfTree && blamed.ofTree === undefined && isQError(error, 'unknown_field')) {
    return writes.map((write) => (write === blamed ? { ...write, ofTree: raw } : write))
  }
  outcomes[blamed.index] = failure(withoutIndex(error))
  return writes.filter((write) => write !== blamed)
}

function commitOf(store: Store, writes: readonly PendingWrite[]): CommitBuilder | Promise<CommitBuilder> {
  const changes = commit()
  for (const { request, value, options, ofTree } of writes) {
    if (ofTree === undefined) changes.write(request.id, request.field, value, options)
    else if (request.field === 'Name') changes.rename(request.id, ofTree)
    else changes.move(request.id, { parent: ofTree })
  }
  return writes.every(({ ofTree }) => ofTree === undefined) ? changes : withAnnouncement(store, changes)
}

/** The write that an error names. */
function blamedWrite(error: unknown, writes: readonly PendingWrite[]): PendingWrite | undefined {
  const index = isQError(error) ? /^mutations\[(\d+)\]/.exec(error.field)?.[1] : undefined
  return index === undefined ? undefined : writes[Number(index)]
}

/** What is written where the type of the entity has no such field. */
const treeTypes: Readonly<Partial<Record<string, WireValue['type']>>> = { Name: 'String', Parent: 'EntityReference' }

/** The error without the place in a commit that the caller has not seen. */
function withoutIndex(error: unknown): unknown {
  if (!isQError(error)) return error
  const { code, message, metadata } = error
  return new QError(code, message, { field: error.field.replace(/^mutations\[\d+\]\.?[a-z_]*\.?/, ''), metadata })
}

/** Tells of each write what the store holds now. What was written is known; what was left alone is read. */
async function noteWritten(
  store: Store,
  writes: readonly PendingWrite[],
  { results, time = Timestamp.now() }: CommitResult,
  outcomes: Outcome[],
): Promise<void> {
  const unchanged = writes.filter((_, position) => results[position]?.changed !== true)
  const present = await readFields(
    store,
    unchanged.map(({ request }) => request),
  )
  unchanged.forEach(({ index }, position) => {
    const outcome = present[position]
    if (outcome !== undefined) outcomes[index] = outcome
  })
  writes.forEach(({ index, request, wire, options }, position) => {
    if (results[position]?.changed !== true) return
    const writeTime = messageOf(options.writeTime ?? time)
    const value = request.value ?? writeValue(wire, store.package)
    outcomes[index] = { success: true, value, writeTime, writerId: store.subject }
  })
}
