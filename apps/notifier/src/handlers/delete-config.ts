import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  DeleteConfigResponseSchema,
  MutationSchema,
  type DeleteConfigRequest,
  type DeleteConfigResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { NotifierContext } from '../context.ts'

/** Deletes a key of the configuration, as a commit of its own. */
export async function deleteConfig(
  { delete: doomed, idempotencyKey }: DeleteConfigRequest,
  call: HandlerContext,
  { configCommits }: NotifierContext,
): Promise<DeleteConfigResponse> {
  if (doomed === undefined) throw new QError('invalid_request', 'what to delete is missing', { field: 'delete' })
  const mutations = [create(MutationSchema, { kind: { case: 'deleteConfig', value: doomed } })]
  const { results, revision } = await configCommits.commit({ mutations, idempotencyKey, ownField: 'delete' }, call)
  const { configRevision = 0n, configExisted: existed = false, configId = '' } = results[0] ?? {}
  return create(DeleteConfigResponseSchema, { configRevision, existed, revision, configId })
}
