import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import {
  ConfigChangesSchema,
  ConfigEntriesSchema,
  ConfigLiveSchema,
  ConfigProgressSchema,
  WatchConfigResponseSchema,
  type ConfigChange,
  type WatchConfigRequest,
  type WatchConfigResponse,
} from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import type { SyncConfig } from '@qcore/sync-config'
import { entryMessage, inMessages, textChangeMessage } from '../configuration/config-message.ts'
import { ConfigWatch } from '../configuration/config-watch.ts'
import { meetDemand } from '../configuration/meet-demand.ts'
import { grantsOfReader } from '../configuration/readable-keys.ts'
import type { NotifierContext } from '../context.ts'

/** How long a caller hears nothing at most. */
const progressMs = 5_000

/** Sends what changes in the configuration; before that what is there, or what has changed since a revision. */
export async function* watchConfig(
  request: WatchConfigRequest,
  call: HandlerContext,
  { configuration }: NotifierContext,
): AsyncGenerator<WatchConfigResponse> {
  const grants = grantsOfReader(call)
  const { prefix } = request
  const accepts = (key: string): boolean => key.startsWith(prefix) && grants.mayRead(key)
  await meetDemand(configuration, request)
  const resumeAfter = await resumePoint(request, configuration)
  using watch = new ConfigWatch(configuration, accepts)
  const { startRevision, configId } = watch
  const isWhole = resumeAfter === undefined && request.entries
  const present = isWhole ? configuration.getEntries(prefix).filter(([key]) => accepts(key)) : []
  const cancel = (): void => watch.end(new QError('canceled', 'the caller ended the call'))
  if (call.signal.aborted) cancel()
  call.signal.addEventListener('abort', cancel)
  try {
    if (isWhole) {
      for (const entries of inMessages(present.map(([key, entry]) => entryMessage(key, entry)))) {
        yield response({ case: 'entries', value: create(ConfigEntriesSchema, { entries }) })
      }
    }
    if (resumeAfter !== undefined) yield* replay(configuration, resumeAfter, watch)
    const live = { configRevision: BigInt(startRevision), configId }
    yield response({ case: 'live', value: create(ConfigLiveSchema, live) })
    for (;;) {
      const queued = await watch.next(progressMs)
      for (const { revision, changes } of queued) yield* changesResponses(configId, revision, changes)
      if (queued.length > 0) continue
      const configRevision = BigInt(watch.revision)
      yield response({ case: 'progress', value: create(ConfigProgressSchema, { configRevision }) })
    }
  } finally {
    call.signal.removeEventListener('abort', cancel)
  }
}

/** Where to resume; undefined: with what is there, or from now on. */
async function resumePoint(
  { resumeAfter, configId, entries }: WatchConfigRequest,
  configuration: SyncConfig,
): Promise<number | undefined> {
  if (resumeAfter === undefined) return undefined
  try {
    if (configId !== '' && configId !== configuration.storeId) {
      throw new QError('log_replaced', 'the revision belongs to another configuration', { field: 'config_id' })
    }
    await configuration.reach(Number(resumeAfter))
    await configuration.assertHeld(Number(resumeAfter))
    return Number(resumeAfter)
  } catch (error) {
    const isGone = isQError(error, 'log_replaced') || isQError(error, 'compacted') || isQError(error, 'future_revision')
    if (isGone && entries) return undefined
    if (isGone) throw new QError(error.code, error.message, { field: 'resume_after', cause: error })
    throw error
  }
}

/** The changes of the history after a revision, up to another one. What a value was before, the history of the key tells. */
async function* replay(
  configuration: SyncConfig,
  after: number,
  { startRevision: until, accepts, configId }: Pick<ConfigWatch, 'startRevision' | 'accepts' | 'configId'>,
): AsyncGenerator<WatchConfigResponse> {
  for (let from = after; from < until;) {
    const { head, ...page } = await configuration.changesAfter(from)
    // PostgreSQL may have another one than the memory here still follows.
    if (head.storeId !== configId || head.revision < until) {
      throw new QError('log_replaced', 'the configuration was replaced', { field: 'resume_after' })
    }
    if (from + 1 < head.oldestRevision) {
      throw new QError('compacted', `the history begins at revision ${head.oldestRevision}`, { field: 'resume_after' })
    }
    const wanted = page.changes.filter(({ revision, key }) => revision <= until && accepts(key))
    for (const [revision, changes] of Map.groupBy(wanted, (change) => change.revision)) {
      yield* changesResponses(configId, revision, changes.map(textChangeMessage))
    }
    from = page.until
  }
}

function* changesResponses(
  configId: string,
  revision: number,
  changes: readonly ConfigChange[],
): Generator<WatchConfigResponse> {
  const parts = inMessages(changes)
  for (const [index, part] of parts.entries()) {
    const more = index < parts.length - 1
    const value = create(ConfigChangesSchema, { configRevision: BigInt(revision), changes: part, more, configId })
    yield response({ case: 'changes', value })
  }
}

function response(event: WatchConfigResponse['event']): WatchConfigResponse {
  return create(WatchConfigResponseSchema, { event })
}
