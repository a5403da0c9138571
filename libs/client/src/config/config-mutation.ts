import { create } from '@bufbuild/protobuf'
import { DeleteConfigSchema, PutConfigSchema, type DeleteConfig, type PutConfig } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { encodeValue, type JsonValue } from '@qcore/json'

/** When a key of the configuration is changed. */
export interface ConfigCondition {
  /** The revision of the configuration that the key must be at; 0: it must not be there. Otherwise `condition_failed`. */
  readonly ifRevision?: number
  /** The configuration that `ifRevision` is of, as `configId` of an entry: one that replaced it counts anew. Default: not checked. */
  readonly ifConfigId?: string
}

export interface PutConfigOptions extends ConfigCondition {
  /** The key is deleted by itself after this. Default: never; a put without it takes an earlier expiry away. */
  readonly ttlMs?: number
}

/** The message of a value for a key. Throws `type_mismatch` for what is not JSON, with the place. */
export function putConfigMessage(
  { key, value, options }: { key: string; value: JsonValue; options: PutConfigOptions },
  path: string,
): PutConfig {
  const { ttlMs } = options
  const message = create(PutConfigSchema, { key, value: encoded(value, path), ...conditionOf(options, path) })
  if (ttlMs !== undefined) message.ttlMs = wholeNumber(ttlMs, `${path}.ttl_ms`)
  return message
}

export function deleteConfigMessage(
  { key, options }: { key: string; options: ConfigCondition },
  path: string,
): DeleteConfig {
  return create(DeleteConfigSchema, { key, ...conditionOf(options, path) })
}

function conditionOf({ ifRevision, ifConfigId = '' }: ConfigCondition, path: string) {
  if (ifRevision === undefined) return { ifConfigId }
  return { ifConfigId, ifRevision: wholeNumber(ifRevision, `${path}.if_revision`) }
}

function encoded(value: JsonValue, path: string): string {
  try {
    return encodeValue(value)
  } catch (error) {
    if (!isQError(error)) throw error
    throw new QError(error.code, error.message, { field: `${path}.${error.field}`, cause: error })
  }
}

function wholeNumber(value: number, field: string): bigint {
  if (Number.isSafeInteger(value) && value >= 0) return BigInt(value)
  throw new QError('invalid_request', `${value} is not a whole number`, { field })
}
