import { createHash, randomBytes } from 'node:crypto'

/** Into how many shares the registrations fall: enough to be even among a dozen notifiers, few enough to be read often. */
export const bucketCount = 64

/** Bytes of a token: nobody guesses one. */
const tokenBytes = 18
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Does not begin with a dash, as options of commands do. */
export function newToken(): string {
  const token = randomBytes(tokenBytes).toString('base64url')
  return token.startsWith('-') ? newToken() : token
}

/** The bucket of a token: the value of its first character. */
export function bucketOf(token: string): number {
  const bucket = alphabet.indexOf(token.charAt(0))
  if (bucket < 0) throw new Error('no token begins so')
  return bucket
}

/** Which of the notifiers that are there should own a bucket: the same for whoever asks, and the same when others come or go. */
export function preferredOwner(bucket: number, present: readonly string[]): string | undefined {
  let preferred: string | undefined
  let greatest = ''
  for (const id of present) {
    const weight = createHash('sha1').update(`${bucket} ${id}`).digest('hex')
    if (weight < greatest) continue
    greatest = weight
    preferred = id
  }
  return preferred
}
