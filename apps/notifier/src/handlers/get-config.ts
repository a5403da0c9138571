import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { GetConfigResponseSchema, type GetConfigRequest, type GetConfigResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { entryMessage } from '../configuration/config-message.ts'
import { meetDemand } from '../configuration/meet-demand.ts'
import { assertMayRead } from '../configuration/readable-keys.ts'
import type { NotifierContext } from '../context.ts'

/** Reads a key of the configuration. */
export async function getConfig(
  { key, ...demand }: GetConfigRequest,
  call: HandlerContext,
  { configuration }: NotifierContext,
): Promise<GetConfigResponse> {
  assertMayRead(call, key, 'key')
  await meetDemand(configuration, demand)
  const entry = configuration.getEntry(key)
  if (entry === undefined) throw new QError('unknown_key', `config key not found: ${key}`, { field: 'key' })
  const { revision, storeId: configId } = configuration
  return create(GetConfigResponseSchema, {
    entry: entryMessage(key, entry),
    configRevision: BigInt(revision),
    configId,
  })
}
