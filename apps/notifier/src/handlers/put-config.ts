import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  MutationSchema,
  PutConfigResponseSchema,
  type PutConfigRequest,
  type PutConfigResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { NotifierContext } from '../context.ts'

/** Gives a key of the configuration a value, as a commit of its own. */
export async function putConfig(
  { put, idempotencyKey }: PutConfigRequest,
  call: HandlerContext,
  { configCommits }: NotifierContext,
): Promise<PutConfigResponse> {
  if (put === undefined) throw new QError('invalid_request', 'what to put is missing', { field: 'put' })
  const mutations = [create(MutationSchema, { kind: { case: 'putConfig', value: put } })]
  const { results, revision } = await configCommits.commit({ mutations, idempotencyKey, ownField: 'put' }, call)
  const { configRevision = 0n, changed = false, configExisted: existed = false, configId = '' } = results[0] ?? {}
  return create(PutConfigResponseSchema, { configRevision, changed, existed, revision, configId })
}
