import { create } from '@bufbuild/protobuf'
import { configDenied, configGrantsOf, type Claims } from '@qcore/access'
import { MutationResultSchema, type DeleteConfig, type MutationResult, type PutConfig } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { canonicalText, type PresentEntry } from '@qcore/sync-config'
import type { CommitContext } from '../commit/commit-context.ts'

/**
 * Gives a key of the configuration a value.
 *
 * @throws QError `permission_denied`, `condition_failed`, `invalid_request`, `type_mismatch`, `value_out_of_range`
 */
export function putConfig(context: CommitContext, mutation: PutConfig, path: string): MutationResult {
  const { key, value, ttlMs } = mutation
  const present = presentEntry(context, mutation, path)
  const text = checkedText(value, `${path}.value`)
  const expiresUs = ttlMs === undefined ? undefined : context.timeUs + Number(ttlMs) * 1_000
  const isSame = present !== undefined && !present.expires && expiresUs === undefined && holds(present, text)
  if (isSame) return unchanged(context, present)
  return changed(context, { key, text, expiresUs }, present)
}

/**
 * Deletes a key of the configuration.
 *
 * @throws QError `permission_denied`, `condition_failed`
 */
export function deleteConfig(context: CommitContext, mutation: DeleteConfig, path: string): MutationResult {
  const present = presentEntry(context, mutation, path)
  if (present === undefined) return unchanged(context, present)
  return changed(context, { key: mutation.key, text: undefined, expiresUs: undefined }, present)
}

function presentEntry(
  { state, caller }: CommitContext,
  { key, ifRevision, ifConfigId }: PutConfig | DeleteConfig,
  path: string,
): PresentEntry | undefined {
  assertMayWrite(caller, key, `${path}.key`)
  if (ifConfigId !== '' && ifConfigId !== state.configId) {
    throw new QError('condition_failed', 'the revision belongs to a configuration that was replaced', {
      field: `${path}.if_config_id`,
      metadata: { key, config_id: state.configId },
    })
  }
  const present = state.configEntry(key)
  const revision = present?.isVisible === true ? present.revision : 0
  if (ifRevision === undefined || ifRevision === BigInt(revision)) return present
  throw new QError('condition_failed', `${key} is at revision ${revision} of the configuration`, {
    field: `${path}.if_revision`,
    metadata: { key, revision: String(revision) },
  })
}

function assertMayWrite(caller: Claims, key: string, field: string): void {
  if (!configGrantsOf(caller).mayWrite(key)) throw configDenied(key, 'write', field)
}

function checkedText(value: string, path: string): string {
  try {
    return canonicalText(value)
  } catch (error) {
    if (!isQError(error)) throw error
    const { code, message, field } = error
    throw new QError(code, message, { field: path + field.slice('value'.length), cause: error })
  }
}

/** What plain SQL stored may be written otherwise, or be nothing that JavaScript can hold. */
function holds({ text }: PresentEntry, wanted: string): boolean {
  if (text === wanted) return true
  try {
    return canonicalText(text) === wanted
  } catch (error) {
    if (isQError(error)) return false
    throw error
  }
}

function unchanged({ state: { configId } }: CommitContext, present: PresentEntry | undefined): MutationResult {
  const configExisted = present?.isVisible === true
  const configRevision = BigInt(configExisted ? present.revision : 0)
  return create(MutationResultSchema, { configExisted, configRevision, configId })
}

function changed(
  { state, changes, revision, caller }: CommitContext,
  change: { key: string; text: string | undefined; expiresUs: number | undefined },
  present: PresentEntry | undefined,
): MutationResult {
  const configRevision = state.changeConfig({ ...change, revision, author: caller.subject })
  const { key, text } = change
  changes.add({ kind: 'config', key, configRevision, isDeleted: text === undefined, bytes: text?.length ?? 0 })
  const configExisted = present?.isVisible === true
  return create(MutationResultSchema, {
    changed: true,
    configRevision: BigInt(configRevision),
    configExisted,
    configId: state.configId,
  })
}
