import { isDeepStrictEqual } from 'node:util'
import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { callerOf, configDenied, requireLevel } from '@qcore/access'
import {
  AccessLevel,
  MutationSchema,
  RollbackConfigResponseSchema,
  type Mutation,
  type RollbackConfigRequest,
  type RollbackConfigResponse,
} from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { decodeValue } from '@qcore/json'
import type { FormerValue } from '@qcore/sync-config'
import { assertMayRead, grantsOfReader } from '../configuration/readable-keys.ts'
import type { NotifierContext } from '../context.ts'

/** As many as a commit changes. */
const mostKeys = 1_000
/** Keys that are looked at; many of them may have come back to what they held. */
const mostScanned = 100_000

/** Gives keys of the configuration the values that they had at a revision, as one commit. */
export async function rollbackConfig(
  request: RollbackConfigRequest,
  call: HandlerContext,
  { configuration, configCommits }: NotifierContext,
): Promise<RollbackConfigResponse> {
  const { key, prefix, idempotencyKey } = request
  requireLevel(callerOf(call), AccessLevel.WRITE)
  const grants = grantsOfReader(call)
  if (key !== '') {
    assertMayRead(call, key, 'key')
    if (!grants.mayWrite(key)) throw configDenied(key, 'write', 'key')
  }
  const revision = Number(request.configRevision)
  const former = await configuration.valuesAt(revision, { key, prefix, limit: mostScanned + 1 })
  if (former.length > mostScanned) {
    throw new QError('commit_too_large', `more than ${mostScanned} keys were changed since; name a prefix`, {
      field: 'prefix',
    })
  }
  // The values of now must be at least as new as the history that was read.
  await configuration.sync()
  const differing = former.filter((value) => grants.mayWrite(value.key) && !holds(value))
  if (differing.length > mostKeys) {
    throw new QError('commit_too_large', `more than ${mostKeys} keys differ; name a prefix`, { field: 'prefix' })
  }
  if (differing.length === 0) return create(RollbackConfigResponseSchema)
  const mutations = differing.map(mutationTo)
  const response = await configCommits.commit({ mutations, idempotencyKey, ownField: 'key' }, call)
  const { configRevision = 0n, configId = '' } = response.results.find(({ changed }) => changed) ?? {}
  const keys = differing.filter((_, index) => response.results[index]?.changed).map((value) => value.key)
  return create(RollbackConfigResponseSchema, {
    keys,
    configRevision,
    configId,
    revision: keys.length > 0 ? response.revision : 0n,
  })

  function holds({ key: one, text }: FormerValue): boolean {
    const present = configuration.getEntry(one)?.value
    return isDeepStrictEqual(present, text === undefined ? undefined : decodeValue(text))
  }
}

function mutationTo({ key, text }: FormerValue): Mutation {
  return create(MutationSchema, {
    kind:
      text === undefined
        ? { case: 'deleteConfig', value: { key } }
        : { case: 'putConfig', value: { key, value: text } },
  })
}
