import { create } from '@bufbuild/protobuf'
import { createClient, type HandlerContext } from '@connectrpc/connect'
import { CommitService, MutationSchema, type Mutation, type MutationResult } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { createNatsTransport, fromConnectError, receivedHeader } from '@qcore/transport'
import type { SchedulerContext } from '../context.ts'

type Context = Pick<SchedulerContext, 'connection' | 'config'>

/** What a commit of one mutation did. */
export interface CommittedMutation {
  readonly result: MutationResult | undefined
  readonly revision: bigint
}

/** Makes a commit of one mutation for a caller, with his token. Errors name the fields of the caller's request. */
export async function commitMutation(
  scheduler: Context,
  { kind, idempotencyKey }: { kind: Mutation['kind']; idempotencyKey: string },
  context: HandlerContext,
): Promise<CommittedMutation> {
  const { results, revision } = await commitMutations(scheduler, { kinds: [kind], idempotencyKey }, context)
  return { result: results[0], revision }
}

/** The same, of several mutations. */
export async function commitMutations(
  { connection, config }: Context,
  { kinds, idempotencyKey }: { kinds: readonly Mutation['kind'][]; idempotencyKey: string },
  context: HandlerContext,
): Promise<{ results: readonly MutationResult[]; revision: bigint }> {
  const commits = createClient(CommitService, createNatsTransport({ connection, store: config.store }))
  const headers = { authorization: receivedHeader(context, 'authorization') ?? '' }
  const mutations = kinds.map((kind) => create(MutationSchema, { kind }))
  try {
    const { signal } = context
    const timeoutMs = context.timeoutMs()
    const options = { headers, signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) }
    return await commits.commit({ mutations, idempotencyKey }, options)
  } catch (error) {
    throw ofOwnField(fromConnectError(error))
  }
}

/** The caller knows nothing of a commit. */
function ofOwnField(error: unknown): unknown {
  if (!isQError(error)) return error
  const { code, message, field, metadata } = error
  const own = field.replace(/^mutations\[0\]\.(?:put|delete|pause|resume)_schedule/, 'schedule')
  return own === field ? error : new QError(code, message, { field: own, metadata, cause: error })
}
