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

  constructor(deploymentSecret: string) {
    this.#key = new Uint8Array(hkdfSync('sha256', deploymentSecret, '', 'qcore sealed secrets', keyBytes))
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
    const tagStart = 1 + nonceBytes
    const contentStart = tagStart + tagBytes
    try {
      if (sealed[0] !== version) throw new Error(`a sealed secret of version ${sealed[0]}`)
      const decipher = createDecipheriv(algorithm, this.#key, sealed.subarray(1, tagStart), { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(owner))
      decipher.setAuthTag(sealed.subarray(tagStart, contentStart))
      return Buffer.concat([decipher.update(sealed.subarray(contentStart)), decipher.final()]).toString('utf8')
    } catch (error) {
      throw new QError('configuration', 'a stored secret cannot be opened: the secret of the deployment has changed', {
        cause: error,
      })
    }
  }
}
