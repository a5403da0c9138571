import { QError } from '@qcore/errors'
import { valueBytes, keyLength } from './store/store-schema.ts'
import { type JsonValue, encodeValue } from '@qcore/json'

/** Conditions and circumstances of a write. */
export interface WriteOptions {
  /** The key must be at this revision, 0: it must not be there. Otherwise nothing is done, and the error is `condition_failed`. */
  readonly ifRevision?: number
  /** Recorded in the history. Default: the instance's author. */
  readonly author?: string
}

export interface SetOptions extends WriteOptions {
  /** The key is deleted by itself after this. Default: never; a set without it takes an earlier expiry away. */
  readonly ttlMs?: number
}

/** A part of a commit: a value for a key, or its deletion. */
export type ConfigMutation =
  | { readonly key: string; readonly value: JsonValue; readonly ttlMs?: number; readonly ifRevision?: number }
  | { readonly key: string; readonly delete: true; readonly ifRevision?: number }

/** Of a year, so that PostgreSQL's interval holds it many times. */
const longestTtlMs = 100 * 366 * 86_400_000
const mostMutations = 10_000

/** The mutations as JSON text. @throws QError that names the field */
export function encodeMutations(mutations: readonly ConfigMutation[]): string {
  if (mutations.length > mostMutations) {
    throw new QError('commit_too_large', `a commit has at most ${mostMutations} changes`, { field: 'changes' })
  }
  const keys = new Set(mutations.map(({ key }) => key))
  if (keys.size < mutations.length) throw new QError('invalid_request', 'a key comes twice', { field: 'key' })
  return `[${mutations.map(encodeMutation).join(',')}]`
}

function encodeMutation(mutation: ConfigMutation): string {
  checkKey(mutation.key)
  const parts = [`"key":${JSON.stringify(mutation.key)}`]
  if ('value' in mutation) parts.push(`"value":${boundedValue(mutation.value)}`)
  const { ttlMs, ifRevision } = { ttlMs: undefined, ...mutation }
  if (ttlMs !== undefined) parts.push(`"ttlMs":${numberWithin('ttlMs', ttlMs, 1, longestTtlMs)}`)
  if (ifRevision !== undefined) {
    parts.push(`"ifRevision":${numberWithin('ifRevision', ifRevision, 0, Number.MAX_SAFE_INTEGER)}`)
  }
  return `{${parts.join(',')}}`
}

/** @throws QError `invalid_request` */
export function checkKey(key: string): void {
  const isText = typeof key === 'string' && key.isWellFormed() && !key.includes('\0')
  const length = isText ? Array.from(key).length : 0
  if (length === 0 || length > keyLength) {
    throw new QError('invalid_request', `a key has 1 to ${keyLength} characters, without NUL`, { field: 'key' })
  }
}

function boundedValue(value: JsonValue): string {
  const text = encodeValue(value)
  const bytes = Buffer.byteLength(text)
  if (bytes > valueBytes) {
    throw new QError('value_out_of_range', `the value has ${bytes} bytes of JSON, more than ${valueBytes}`, {
      field: 'value',
    })
  }
  return text
}

function numberWithin(field: string, value: number, least: number, most: number): number {
  if (!(value >= least && value <= most) || (field === 'ifRevision' && !Number.isInteger(value))) {
    throw new QError('invalid_request', `${field}: ${value} is not between ${least} and ${most}`, { field })
  }
  return value
}
