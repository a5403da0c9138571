import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { AccessLevel, TokenForm } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import { z } from 'zod'
import type { Answer } from '../answer.ts'
import { parseBody } from '../event-body.ts'
import type { Route, RouteCall } from '../route.ts'

const levels = {
  read: AccessLevel.READ,
  write: AccessLevel.WRITE,
  read_write: AccessLevel.WRITE,
  admin: AccessLevel.ADMIN,
} as const

const createTokenSchema = z.object({
  type: z.string().default('jwt'),
  sub: z.string().min(1),
  access: z.enum(['read', 'write', 'read_write', 'admin']),
  scope: z.array(z.string()),
  expires_at: z.iso.datetime({ offset: true, error: 'is not a time of RFC 3339 with an offset' }),
})

async function createToken({ request, body, services }: RouteCall): Promise<Answer> {
  const { type, sub, access, scope, expires_at } = parseBody(createTokenSchema, body)
  if (type !== 'jwt') throw new QError('invalid_request', 'only JWT tokens are supported', { field: 'type' })
  const headers = { authorization: request.headers.authorization ?? '' }
  const { expiresAt, ...told } = expiryOf(expires_at, services.pastExpirySeconds)
  const asked = {
    subject: sub,
    level: levels[access],
    scopes: [...new Set(scope)],
    form: TokenForm.QHRONOS,
    expiresAt: timestampFromDate(expiresAt),
  }
  const { token } = await services.tokens.mintToken(asked, { headers })
  return { status: 200, body: { token, type, sub, access, scope, expires_at, ...told } }
}

const msPerSecond = 1_000

/** When a token ends. One whose end is past is refused when it is made, unless the deployment gives it a while. */
function expiryOf(
  text: string,
  pastExpirySeconds: number,
): { readonly expiresAt: Date; readonly expires_at?: string; readonly warning?: string } {
  const wanted = new Date(text)
  if (pastExpirySeconds === 0 || wanted.getTime() > Date.now()) return { expiresAt: wanted }
  const end = Math.floor(Date.now() / msPerSecond) + pastExpirySeconds
  const expiresAt = new Date(end * msPerSecond)
  const warning = `expires_at is in the past; the token is good for ${pastExpirySeconds} seconds`
  return { expiresAt, expires_at: expiresAt.toISOString().replace('.000Z', 'Z'), warning }
}

export const tokenRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/tokens',
    access: 'master',
    summary: 'Makes a token',
    body: createTokenSchema,
    answers: { 200: 'The token' },
    answer: createToken,
  },
]
