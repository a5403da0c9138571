import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, configGrantsOf } from '@qcore/access'
import { ConfigInstanceSchema, GetConfigStatusResponseSchema, type GetConfigStatusResponse } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { timestampFromMicros } from '@qcore/model'
import type { NotifierContext } from '../context.ts'

/** Tells what every instance has that follows the configuration. */
export async function getConfigStatus(
  call: HandlerContext,
  { configuration }: NotifierContext,
): Promise<GetConfigStatusResponse> {
  if (!configGrantsOf(callerOf(call)).mayRead('')) {
    throw new QError('permission_denied', 'this takes level admin, or the scope config: or config.read: for all keys', {
      field: 'scope',
    })
  }
  const { revision, digest, entries, instances } = await configuration.tableState()
  return create(GetConfigStatusResponseSchema, {
    configId: configuration.storeId,
    configRevision: BigInt(revision),
    digest,
    entries: BigInt(entries),
    instances: instances.map((instance) =>
      create(ConfigInstanceSchema, {
        instanceId: instance.instanceId,
        configRevision: BigInt(instance.revision),
        lag: BigInt(Math.max(0, revision - instance.revision)),
        digest: instance.digest,
        entries: BigInt(instance.entries),
        startTime: timestampFromMicros(instance.startedAt.getTime() * 1_000),
        reportTime: timestampFromMicros(instance.reportedAt.getTime() * 1_000),
        inSync: instance.inSync,
      }),
    ),
  })
}
