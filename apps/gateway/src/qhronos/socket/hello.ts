import { requireNamespace, requireScope, type Claims } from '@qcore/access'
import { AccessLevel } from '@qcore/contracts'
import { isQError } from '@qcore/errors'
import { z } from 'zod'
import { namespace } from '../event-action.ts'

/** What is told here is told of schedules: whose scopes leave them out hears nothing. */
export const service = 'schedule'

const helloSchema = z.object({
  type: z.string().optional(),
  client_name: z.string().optional(),
  tags: z.array(z.string()).optional(),
  token: z.string().optional(),
  ack: z.enum(['required', 'none']).optional(),
})

/** The first message of a client. */
export type Hello = z.infer<typeof helloSchema>

/** What a client is served: what is due for a name, or what is due with one of some tags. */
export type Listening =
  | { readonly kind: 'client-hook'; readonly clientName: string; readonly needsAck: boolean }
  | { readonly kind: 'tag-listener'; readonly tags: readonly string[] }

/** Undefined for what is no JSON object. */
export function readHello(text: string): Hello | undefined {
  const parsed = helloSchema.safeParse(parseJson(text))
  return parsed.success ? parsed.data : undefined
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a client asks for, or why it cannot be served, in the words of the original. */
export function listeningOf({ type, client_name: clientName = '', tags = [], ack }: Hello): Listening | string {
  switch (type) {
    case 'client-hook':
      if (clientName === '') return 'client_name required for client-hook'
      return { kind: type, clientName, needsAck: ack !== 'none' }
    case 'tag-listener':
      return tags.length === 0 ? 'tags required for tag-listener' : { kind: type, tags }
    default:
      return 'invalid type'
  }
}

/** Why a token does not allow to listen; undefined if it does. */
export function refusalOf(claims: Claims, listening: Listening, store: string): string | undefined {
  return refusalOfPlace(claims, store) ?? refusalOfTarget(claims, listening)
}

/** A token in Qhronos' form is good for all of this interface; another one as far as its scopes go. */
function refusalOfPlace(claims: Claims, store: string): string | undefined {
  if (claims.form === 'qhronos') return undefined
  try {
    requireScope(claims, { store, service })
    requireNamespace(claims, namespace, 'scope')
    return undefined
  } catch (error) {
    if (isQError(error)) return error.message
    throw error
  }
}

function refusalOfTarget({ level, scopes, form }: Claims, listening: Listening): string | undefined {
  if (level >= AccessLevel.ADMIN) return undefined
  if (listening.kind === 'client-hook') {
    const scope = `client:${listening.clientName}`
    return scopes.includes(scope) ? undefined : `insufficient scope: ${scope} is needed`
  }
  const prefix = form === 'qhronos' ? '' : 'tag:'
  const isLimited = form === 'qhronos' || scopes.some((scope) => scope.startsWith(prefix))
  const outside = isLimited ? listening.tags.find((tag) => !scopes.includes(`${prefix}${tag}`)) : undefined
  return outside === undefined ? undefined : `insufficient scope: ${outside} is not in the scope of the token`
}
