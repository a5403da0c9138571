import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { QError } from '@qcore/errors'

const algorithm = 'aes-256-gcm'
const version = 1
const nonceBytes = 12
const tagBytes = 16
const keyBytes = 32

/** Encrypts secrets for the database with AES-256-GCM, under a key that is derived from the secret of the deployment. */
export class SecretBox {
  readonly #key: Uint8Array
  readonly #keysBefore: readonly Uint8Array[]

  /** @param secretsBefore what the deployment had earlier: what was sealed then is opened too */
  constructor(deploymentSecret: string, secretsBefore: readonly string[] = []) {
    this.#key = keyOf(deploymentSecret)
    this.#keysBefore = secretsBefore.map(keyOf)
  }

  /** Encrypts a secret. Sealed for one owner, an id, it cannot be opened for another. */
  seal(owner: string, secret: string): Buffer {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv(algorithm, this.#key, nonce)
    cipher.setAAD(Buffer.from(owner))
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), sealed])
  }

  /**
   * Decrypts what `seal` made.
   *
   * @throws QError `configuration` if the deployment has another secret now
   */
  open(owner: string, sealed: Uint8Array): string {
    return this.#open(owner, sealed).secret
  }

  /**
   * Seals anew what was sealed under an earlier secret. Undefined: it is sealed under the present one.
   *
   * @throws QError `configuration` as of `open`
   */
  reseal(owner: string, sealed: Uint8Array): Buffer | undefined {
    const { key, secret } = this.#open(owner, sealed)
    return key === this.#key ? undefined : this.seal(owner, secret)
  }

  #open(owner: string, sealed: Uint8Array): { key: Uint8Array; secret: string } {
    const errors: unknown[] = []
    for (const key of [this.#key, ...this.#keysBefore]) {
      try {
        return { key, secret: decrypted(key, owner, sealed) }
      } catch (error) {
        errors.push(error)
      }
    }
    throw new QError('configuration', 'a stored secret cannot be opened: the secret of the deployment has changed', {
      cause: errors[0],
    })
  }
}

function keyOf(deploymentSecret: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', deploymentSecret, '', 'qcore sealed secrets', keyBytes))
}

function decrypted(key: Uint8Array, owner: string, sealed: Uint8Array): string {
  const tagStart = 1 + nonceBytes
  const contentStart = tagStart + tagBytes
  if (sealed[0] !== version) throw new Error(`a sealed secret of version ${sealed[0]}`)
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(1, tagStart), { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(owner))
  decipher.setAuthTag(sealed.subarray(tagStart, contentStart))
  return Buffer.concat([decipher.update(sealed.subarray(contentStart)), decipher.final()]).toString('utf8')
}
