import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { ListConfigResponseSchema, type ListConfigRequest, type ListConfigResponse } from '@qcore/contracts'
import { entryMessage, inMessages } from '../configuration/config-message.ts'
import { meetDemand } from '../configuration/meet-demand.ts'
import { grantsOfReader } from '../configuration/readable-keys.ts'
import type { NotifierContext } from '../context.ts'

const standardLimit = 100

/** Reads the keys of the configuration with a prefix, a page of them. */
export async function listConfig(
  { prefix, limit, after, ...demand }: ListConfigRequest,
  call: HandlerContext,
  { configuration }: NotifierContext,
): Promise<ListConfigResponse> {
  const grants = grantsOfReader(call)
  await meetDemand(configuration, demand)
  const found = configuration.getEntries(prefix).filter(([key]) => key > after && grants.mayRead(key))
  found.sort(([a], [b]) => (a < b ? -1 : 1))
  const page = found.slice(0, limit || standardLimit).map(([key, entry]) => entryMessage(key, entry))
  const [entries = []] = inMessages(page)
  const nextAfter = entries.length < found.length ? (entries.at(-1)?.key ?? '') : ''
  const { revision, storeId: configId } = configuration
  return create(ListConfigResponseSchema, { entries, nextAfter, configRevision: BigInt(revision), configId })
}
