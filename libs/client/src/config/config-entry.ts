import type {
  ConfigChange as ConfigChangeMessage,
  ConfigEntry as ConfigEntryMessage,
  PastConfigChange as PastConfigChangeMessage,
} from '@qcore/contracts'
import { decodeValue, type JsonValue } from '@qcore/json'
import { timestampFromMessage, type Timestamp } from '../values/timestamp.ts'

/** A key of the configuration, and what it holds. */
export interface ConfigEntry {
  readonly key: string
  /** JSON, frozen. An integer beyond ±(2^53 − 1) is a bigint. */
  readonly value: JsonValue
  /** The revision of the configuration that gave it the value: what `ifRevision` takes. */
  readonly revision: number
  /** The configuration that the revision is of: what `ifConfigId` takes. */
  readonly configId: string
  readonly expiresAt: Timestamp | undefined
}

/** A change of a key. */
export interface ConfigChange {
  readonly key: string
  /** Undefined: it was deleted, or has expired. */
  readonly value: JsonValue | undefined
  /** Undefined: it was not there, or the value is left out, for both together are larger than 800,000 bytes. */
  readonly previous: JsonValue | undefined
  /** Of the configuration; all changes of one commit have the same. */
  readonly revision: number
  /** Who made it; empty if a comparison found it. */
  readonly author: string
  /** The instance that made it; `qcore` for the platform, empty for plain SQL. */
  readonly origin: string
}

/** A change of the past. */
export interface PastConfigChange extends ConfigChange {
  readonly changedAt: Timestamp | undefined
  /** The revision of the store, if a commit of the platform made it; otherwise 0. */
  readonly storeRevision: number
}

export function configEntryFromMessage(
  { key, value, configRevision, expireTime }: ConfigEntryMessage,
  configId: string,
): ConfigEntry {
  const expiresAt = expireTime === undefined ? undefined : timestampFromMessage(expireTime)
  return { key, value: decodeValue(value), revision: Number(configRevision), configId, expiresAt }
}

export function configChangeFromMessage(message: ConfigChangeMessage): ConfigChange {
  const { key, value, previous, configRevision, author, origin } = message
  return {
    key,
    value: value === undefined ? undefined : decodeValue(value),
    previous: previous === undefined ? undefined : decodeValue(previous),
    revision: Number(configRevision),
    author,
    origin,
  }
}

export function pastChangesFromMessage({ change, changeTime, revision }: PastConfigChangeMessage): PastConfigChange[] {
  if (change === undefined) return []
  const changedAt = changeTime === undefined ? undefined : timestampFromMessage(changeTime)
  return [{ ...configChangeFromMessage(change), changedAt, storeRevision: Number(revision) }]
}
