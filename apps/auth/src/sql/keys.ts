import type { Executor } from '@qcore/database'
import type { JWK } from 'jose'

/** A key to sign with. Times are by PostgreSQL's clock. */
export interface KeyRow {
  readonly keyId: string
  readonly algorithm: string
  readonly sealedKey: Buffer
  /** Seconds since 1970. */
  readonly signsFrom: number
  /** Seconds since it began to sign; below 0 if it has yet to. */
  readonly age: number
}

/** All keys, the newest first. */
export async function listKeys(executor: Executor): Promise<KeyRow[]> {
  const { rows } = await executor.query<KeyRow>({
    name: 'list_keys',
    text: `
      select key_id as "keyId", algorithm, sealed_key as "sealedKey", extract(epoch from signs_from)::double precision as "signsFrom",
        extract(epoch from now() - signs_from)::double precision as age
      from token_key order by signs_from desc, key_id`,
  })
  return rows
}

export interface NewKey {
  readonly keyId: string
  readonly algorithm: string
  readonly publicKey: JWK
  readonly sealedKey: Uint8Array
  /** After how many seconds tokens are signed with it. */
  readonly leadSeconds: number
}

/** Stores a key, and tells from when on it signs, in seconds since 1970. */
export async function storeKey(
  executor: Executor,
  { keyId, algorithm, publicKey, sealedKey, leadSeconds }: NewKey,
): Promise<number> {
  const { rows } = await executor.query<{ signsFrom: number }>({
    name: 'store_key',
    text: `
      insert into token_key (key_id, algorithm, public_key, sealed_key, signs_from)
      values ($1, $2, $3, $4, now() + $5::double precision * interval '1 second')
      returning extract(epoch from signs_from)::double precision as "signsFrom"`,
    values: [keyId, algorithm, JSON.stringify(publicKey), sealedKey, leadSeconds],
  })
  return rows[0]?.signsFrom ?? 0
}

/** Which keys have a successor, for some minutes, and no token that has not ended. */
export async function listRetiredKeys(executor: Executor): Promise<string[]> {
  const { rows } = await executor.query<{ keyId: string }>({
    name: 'list_retired_keys',
    text: `
      select key_id as "keyId" from token_key as old
      where exists (select from token_key where signs_from > old.signs_from and signs_from < now() - interval '5 minutes')
        and not exists (select from token where token.key_id = old.key_id and expires_at > now() - interval '1 minute')`,
  })
  return rows.map(({ keyId }) => keyId)
}

/** Deletes keys. */
export async function deleteKeys(executor: Executor, keyIds: readonly string[]): Promise<void> {
  await executor.query('delete from token_key where key_id = any($1)', [keyIds])
}
