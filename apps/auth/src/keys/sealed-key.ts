import type { SecretBox } from '@qcore/access'
import { isQError } from '@qcore/errors'
import { importJWK, type CryptoKey, type JWK } from 'jose'

/** Encrypts a private key at rest; its id is bound to it. */
export function sealKey(box: SecretBox, keyId: string, key: JWK): Buffer {
  return box.seal(keyId, JSON.stringify(key))
}

/** What `sealKey` encrypted, ready to sign with; undefined with another secret. */
export async function openKey(
  box: SecretBox,
  keyId: string,
  { sealed, algorithm }: { sealed: Uint8Array; algorithm: string },
): Promise<CryptoKey | Uint8Array | undefined> {
  let text: string
  try {
    text = box.open(keyId, sealed)
  } catch (error) {
    if (isQError(error)) return undefined
    throw error
  }
  return importJWK(JSON.parse(text) as JWK, algorithm)
}
