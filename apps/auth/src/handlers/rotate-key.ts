import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Claims } from '@qcore/access'
import type { RotateKeyResponseSchema } from '@qcore/contracts'
import type { AuthContext } from '../context.ts'
import { storeDeed } from '../sql/audit.ts'
import { advanceTrust } from '../sql/trust-version.ts'
import { transactIn } from '../transact-in.ts'

export async function rotateKeyFor(
  { subject, tokenId }: Claims,
  { pool, keys, access, logger }: AuthContext,
): Promise<MessageInitShape<typeof RotateKeyResponseSchema>> {
  const { keyId, signsFrom } = await transactIn(pool, async (executor) => {
    await advanceTrust(executor)
    const made = await keys.rotate(executor)
    const detail = { signsFrom: made.signsFrom }
    await storeDeed(executor, { subject, tokenId, action: 'key.rotate', target: made.keyId, detail })
    return made
  })
  await access.refresh()
  logger.info({ keyId, by: subject }, 'made a key')
  return { keyId, signsFrom: { seconds: BigInt(Math.ceil(signsFrom)) } }
}
