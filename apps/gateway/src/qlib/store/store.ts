import type { Client } from '@qcore/client'
import type { DialectPackage } from '../message/dialect-package.ts'
import type { ChoiceOptions } from './choice-options.ts'

/** What the operations of one caller work with. */
export interface Store {
  /** Calls with the caller's token. */
  readonly client: Client
  /** Who that is: the writer of what is written. */
  readonly subject: string
  readonly choices: ChoiceOptions
  /** Whose names values have on the wire. */
  readonly package: DialectPackage
}

const idPattern = /^[A-Za-z0-9_-]{1,64}$/
const typePattern = /^[A-Za-z][A-Za-z0-9_]{0,62}$/

/** Whether a text can be the id of an entity; no other may be asked for. */
export function isEntityId(text: string): boolean {
  return idPattern.test(text)
}

/** Whether a text can be the name of a type or of a field. */
export function isTypeName(text: string): boolean {
  return typePattern.test(text)
}
