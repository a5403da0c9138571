import type { MessageInitShape } from '@bufbuild/protobuf'
import { assertScopes, mintToken } from '@qcore/access'
import { TokenForm, type MintTokenRequest, type MintTokenResponseSchema } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { claimsMessage } from '../claims-message.ts'
import type { AuthContext } from '../context.ts'
import { storeDeed } from '../sql/audit.ts'
import { storeToken } from '../sql/tokens.ts'
import { transactIn } from '../transact-in.ts'

/** Of a request that names no lifetime. */
const standardLifetimeSeconds = 3_600
/** As the contract has it for lifetimes. */
const mostLifetimeSeconds = 31_536_000
/** Who mints, in the audit log. */
const master = 'master'

export async function mintTokenFor(
  request: MintTokenRequest,
  { config, keys, pool, logger }: AuthContext,
): Promise<MessageInitShape<typeof MintTokenResponseSchema>> {
  const { subject, level, scopes, form } = request
  const isQhronos = form === TokenForm.QHRONOS
  if (isQhronos) assertTags(scopes)
  else assertScopes(scopes)
  const lifetimeSeconds = lifetimeOf(request)
  const { token, claims } = await transactIn(pool, async (executor) => {
    const isBySecret = isQhronos || config.algorithm === 'HS256'
    const signer = isBySecret ? config.authSecret : await keys.signer(executor)
    const options = { subject, level, scopes, lifetimeSeconds, ...(isQhronos ? ({ form: 'qhronos' } as const) : {}) }
    const minted = await mintToken(signer, options)
    const { tokenId, expiresAt } = minted.claims
    await storeToken(executor, minted.claims, { form, keyId: typeof signer === 'string' ? '' : signer.keyId })
    const detail = { subject, level, scopes, expiresAt }
    await storeDeed(executor, { subject: master, tokenId: '', action: 'token.mint', target: tokenId, detail })
    return minted
  })
  logger.info({ subject, tokenId: claims.tokenId, expiresAt: claims.expiresAt }, 'minted a token')
  return { token, claims: claimsMessage(claims) }
}

/** How long the token is good for, in seconds. Throws QError `invalid_request`. */
function lifetimeOf({ lifetimeSeconds, expiresAt }: MintTokenRequest): number {
  if (expiresAt === undefined) return lifetimeSeconds === 0 ? standardLifetimeSeconds : lifetimeSeconds
  const seconds = Number(expiresAt.seconds) - Math.floor(Date.now() / 1_000)
  if (seconds > 0 && seconds <= mostLifetimeSeconds && lifetimeSeconds === 0) return seconds
  const reason = seconds > 0 ? `is more than ${mostLifetimeSeconds} seconds away` : 'is in the past'
  throw new QError('invalid_request', lifetimeSeconds === 0 ? `the end ${reason}` : 'name an end or a lifetime', {
    field: 'expires_at',
  })
}

/** Tags are free text. */
function assertTags(tags: readonly string[]): void {
  // oxlint-disable-next-line no-control-regex
  const wrong = tags.findIndex((tag) => tag === '' || /[\x00-\x1f\x7f]/.test(tag))
  if (wrong !== -1)
    throw new QError('invalid_request', 'a tag is empty or has control characters', { field: `scopes[${wrong}]` })
}
