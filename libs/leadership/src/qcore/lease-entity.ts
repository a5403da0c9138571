import { hash } from 'node:crypto'
import { commit, int, isQError, reference, type Client, type TypeSchemaInput } from '@qcore/client'
import { candidateSchema, leaseSchema } from './lease-schemas.ts'

/** What of a lease is in the store. */
export interface LeaseState {
  readonly holder: string
  readonly token: number
  /** When it ends, on the store's clock, in microseconds since 1970. */
  readonly endUs: bigint
  /** The revisions that a change of the lease would change. */
  readonly revisions: { readonly Token: number; readonly DurationMs: number; readonly Holder: number }
}

interface Call {
  readonly signal?: AbortSignal
}

const digestLength = 40

export function leaseId(key: string): string {
  return `lease-${hash('sha256', key).slice(0, digestLength)}`
}

export function candidateId(key: string, holder: string): string {
  return `candidate-${hash('sha256', `${key}\n${holder}`).slice(0, digestLength)}`
}

/** Reads a lease as it is now. Throws `unknown_entity` if there was never one. */
export async function readLease(q: Client, key: string, call: Call): Promise<LeaseState> {
  const entity = leaseId(key)
  const paths = ['Holder', 'Token', 'DurationMs']
  const { fields } = await q.readMany(
    paths.map((path) => ({ entity, path })),
    { ...call, consistency: 'latest' },
  )
  const [holder, token, duration] = fields
  if (holder?.type !== 'String' || token?.type !== 'Int' || duration?.type !== 'Int') {
    throw new TypeError(`the fields of ${entity} are not those of a lease`)
  }
  return {
    holder: holder.value,
    token: Number(token.value),
    endUs: duration.writeTime.micros + duration.value * 1_000n,
    revisions: { Token: token.revision, DurationMs: duration.revision, Holder: holder.revision },
  }
}

/** Creates what a lease needs, unless it is there. Types need a token of level admin, once. */
export async function createLease(q: Client, key: string, call: Call): Promise<void> {
  await createType(q, leaseSchema, call)
  await createType(q, candidateSchema, call)
  const root = await q.root(call)
  const id = leaseId(key)
  await ignoring('entity_exists', q.create('Lease', { parent: root, name: nameOf(key), id }, call))
}

async function createType(q: Client, schema: TypeSchemaInput, call: Call): Promise<void> {
  if (!(await q.exists({ type: schema.type }, { ...call, consistency: 'latest' }))) await q.setSchema(schema, call)
}

/** Makes a candidate known, or known again. */
export async function writeCandidate(
  q: Client,
  { key, holder, ttlMs }: { key: string; holder: string; ttlMs: number },
  call: Call,
) {
  const id = candidateId(key, holder)
  const write = () => q.commit(commit().write(id, 'DurationMs', int(ttlMs)), call)
  try {
    return await write()
  } catch (error) {
    if (!isQError(error, 'unknown_entity')) throw error
  }
  const lease = leaseId(key)
  const fields = { Lease: reference(lease), DurationMs: int(ttlMs) }
  const created = commit().create('LeaseCandidate', { parent: lease, name: nameOf(holder), id, fields })
  return (await ignoring('entity_exists', q.commit(created, call))) ?? write()
}

/** Names may not have what divides the steps of a path. */
function nameOf(text: string): string {
  return text.replaceAll('->', '-')
}

/** Undefined if it failed with a code that does not matter. */
export async function ignoring<T>(code: 'entity_exists' | 'unknown_entity', call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (!isQError(error, code)) throw error
    return undefined
  }
}
