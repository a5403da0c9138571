import { randomBytes } from 'node:crypto'
import { SecretBox, type Signer } from '@qcore/access'
import type { Executor, Pool } from '@qcore/database'
import { exportJWK, generateKeyPair } from 'jose'
import { deleteKeys, listKeys, listRetiredKeys, storeKey, type KeyRow } from '../sql/keys.ts'
import { advanceTrust, lockTrust } from '../sql/trust-version.ts'
import { transactIn } from '../transact-in.ts'
import { openKey, sealKey } from './sealed-key.ts'

/** A key is published for this time before it signs: whoever keeps the key set knows it by then. */
const leadSeconds = 600
const daySeconds = 86_400

export interface SigningKeysOptions {
  readonly pool: Pool
  /** What private keys are encrypted with. */
  readonly keySecret: string
  /** What new keys are made for. */
  readonly algorithm: 'EdDSA' | 'ES256'
  /** After how many days a key gets a successor; 0: never by itself. */
  readonly keyDays: number
}

export interface MadeKey {
  readonly keyId: string
  /** Seconds since 1970. */
  readonly signsFrom: number
}

/** The keys that tokens are signed with. They are in PostgreSQL, and any number of auths share them. */
export class SigningKeys {
  readonly #options: SigningKeysOptions
  readonly #box: SecretBox
  readonly #opened = new Map<string, Signer>()

  constructor(options: SigningKeysOptions) {
    this.#options = options
    this.#box = new SecretBox(options.keySecret)
  }

  /** What to sign with now: the newest key whose time has come, and that can be opened. Makes one if there is none. */
  async signer(executor: Executor): Promise<Signer> {
    const signing = (await listKeys(executor)).filter(({ age }) => age >= 0)
    for (const row of signing) {
      const signer = await this.#open(row)
      if (signer !== undefined) return signer
    }
    await advanceTrust(executor)
    const { keyId } = await this.#make(executor, 0)
    const made = this.#opened.get(keyId)
    if (made === undefined) throw new Error('the key that was made is missing')
    return made
  }

  /** Makes what is missing: the first key, a successor of one that is old or for another algorithm. */
  async keep(): Promise<void> {
    await transactIn(this.#options.pool, async (executor) => {
      await lockTrust(executor)
      const { algorithm, keyDays } = this.#options
      const isGood = async (row: KeyRow): Promise<boolean> =>
        row.algorithm === algorithm &&
        (keyDays === 0 || row.age < keyDays * daySeconds - leadSeconds) &&
        (await this.#open(row)) !== undefined
      const rows = await listKeys(executor)
      const good = await Promise.all(rows.map(isGood))
      const needsKey = !good.includes(true)
      const retired = await listRetiredKeys(executor)
      if (!needsKey && retired.length === 0) return
      await advanceTrust(executor)
      if (retired.length > 0) await deleteKeys(executor, retired)
      if (needsKey) await this.#make(executor, await this.#leadOf(rows))
    })
  }

  /** Makes a new key, which signs after a while, in a transaction of the caller's. */
  async rotate(executor: Executor): Promise<MadeKey> {
    return this.#make(executor, await this.#leadOf(await listKeys(executor)))
  }

  /** A key that nobody has to wait for signs at once. */
  async #leadOf(rows: readonly KeyRow[]): Promise<number> {
    for (const row of rows) if (row.age >= 0 && (await this.#open(row)) !== undefined) return leadSeconds
    return 0
  }

  async #open(row: KeyRow): Promise<Signer | undefined> {
    const known = this.#opened.get(row.keyId)
    if (known !== undefined) return known
    const { keyId, algorithm, sealedKey: sealed } = row
    const key = await openKey(this.#box, keyId, { sealed, algorithm })
    if (key === undefined) return undefined
    const signer = { keyId, algorithm, key }
    this.#opened.set(keyId, signer)
    return signer
  }

  async #make(executor: Executor, lead: number): Promise<MadeKey> {
    const { algorithm } = this.#options
    const keyId = randomBytes(12).toString('base64url')
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
    const sealedKey = sealKey(this.#box, keyId, await exportJWK(privateKey))
    const publicJwk = await exportJWK(publicKey)
    const signsFrom = await storeKey(executor, { keyId, algorithm, publicKey: publicJwk, sealedKey, leadSeconds: lead })
    this.#opened.set(keyId, { keyId, algorithm, key: privateKey })
    return { keyId, signsFrom }
  }
}
