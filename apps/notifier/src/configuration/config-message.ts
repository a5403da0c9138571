import { create } from '@bufbuild/protobuf'
import {
  ConfigChangeSchema,
  ConfigEntrySchema,
  type ConfigChange as ConfigChangeMessage,
  type ConfigEntry as ConfigEntryMessage,
} from '@qcore/contracts'
import { timestampFromMicros } from '@qcore/model'
import { encodeValue } from '@qcore/json'
import type { ConfigChange, ConfigEntry } from '@qcore/sync-config'

/** Beyond, a message has no room for the value and the one before. */
const mostBytesOfBoth = 800_000
/** What a message takes besides keys and values, about. */
const factsBytes = 256

/** A change whose values are JSON texts. */
interface TextChange {
  readonly key: string
  readonly revision: number
  readonly text: string | undefined
  readonly previousText: string | undefined
  readonly author: string
  readonly origin: string
}

export function entryMessage(key: string, { value, revision, expiresAt }: ConfigEntry): ConfigEntryMessage {
  const message = create(ConfigEntrySchema, { key, value: encodeValue(value), configRevision: BigInt(revision) })
  if (expiresAt !== undefined) message.expireTime = timestampFromMicros(Math.floor(expiresAt.getTime() * 1_000))
  return message
}

export function textChangeMessage({ text, previousText, revision, ...facts }: TextChange): ConfigChangeMessage {
  const message = create(ConfigChangeSchema, { ...facts, configRevision: BigInt(revision) })
  if (text !== undefined) message.value = text
  if (previousText === undefined) return message
  if (Buffer.byteLength(previousText) + Buffer.byteLength(text ?? '') > mostBytesOfBoth) message.previousLeftOut = true
  else message.previous = previousText
  return message
}

/** All streams share the message of a change. */
const messages = new WeakMap<ConfigChange, ConfigChangeMessage>()

export function changeMessage(change: ConfigChange): ConfigChangeMessage {
  let message = messages.get(change)
  if (message === undefined) {
    const { value, previous } = change
    const text = value === undefined ? undefined : encodeValue(value)
    const previousText = previous === undefined ? undefined : encodeValue(previous)
    messages.set(change, (message = textChangeMessage({ ...change, text, previousText })))
  }
  return message
}

/** About how many bytes it takes. */
export function sizeOfMessage({ key, value = '', ...rest }: ConfigEntryMessage | ConfigChangeMessage): number {
  const previous = 'previous' in rest ? (rest.previous ?? '') : ''
  return factsBytes + Buffer.byteLength(key) + Buffer.byteLength(value) + Buffer.byteLength(previous)
}

/** A message ends with the part that brings it to so many bytes; with the largest one it is less than NATS carries. */
const enoughBytes = 200_000

/** Parts of messages, in order: as many as one message holds. There is at least one list. */
export function inMessages<Part extends ConfigEntryMessage | ConfigChangeMessage>(parts: readonly Part[]): Part[][] {
  let last: Part[] = []
  const lists = [last]
  let bytes = 0
  for (const part of parts) {
    if (bytes >= enoughBytes) {
      lists.push((last = []))
      bytes = 0
    }
    last.push(part)
    bytes += sizeOfMessage(part)
  }
  return lists
}
