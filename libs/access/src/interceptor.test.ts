import * as contracts from '@qcore/contracts'
import { AccessLevel, CommitService, ReadService, serviceShortName, TokenService } from '@qcore/contracts'
import {
  createClient,
  createContextValues,
  createRouterTransport,
  type CallOptions,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect'
import { isQError } from '@qcore/errors'
import { describe, expect, it } from 'vitest'
import { accessGate, accessInterceptor, bearerToken, callerOf } from './interceptor.ts'
import { serviceLevels } from './scopes.ts'
import { mintToken } from './token.ts'
import { secretOnly } from './trust/token-trust.ts'
import { createTokenVerifier } from './verify/token-verifier.ts'

const secret = 'a secret of the tests, long enough to sign'

/** Calls services behind the interceptor; what it threw is the code, what it let through is the caller. */
function openServices(
  store = 'main',
): (service: 'read' | 'commit' | 'mint' | 'verify', header?: string) => Promise<string> {
  let refusal: unknown
  const keepRefusal: Interceptor = (next) => async (request) => {
    try {
      return await next(request)
    } catch (error) {
      refusal = error
      throw error
    }
  }
  const access = accessInterceptor({
    verifier: createTokenVerifier(secret, secretOnly),
    store,
    unchecked: ['qcore.auth.v1.TokenService/MintToken'],
  })
  const transport = createRouterTransport(
    (router) => {
      router.service(ReadService, { getStatus: (_, context) => ({ leader: callerOf(context).subject }) })
      router.service(CommitService, {
        commit: (_, context) => ({ results: [{ entityId: callerOf(context).subject }] }),
      })
      router.service(TokenService, { mintToken: () => ({ token: 'minted' }), verifyToken: () => ({ claims: {} }) })
    },
    { router: { interceptors: [keepRefusal, access] } },
  )
  const [reads, commits, tokens] = [
    createClient(ReadService, transport),
    createClient(CommitService, transport),
    createClient(TokenService, transport),
  ]
  const calls = {
    read: async (options: CallOptions) => (await reads.getStatus({}, options)).leader,
    commit: async (options: CallOptions) => (await commits.commit({}, options)).results[0]?.entityId ?? '',
    mint: async (options: CallOptions) => (await tokens.mintToken({}, options)).token,
    verify: async (options: CallOptions) => (await tokens.verifyToken({}, options)).claims?.subject ?? '',
  }
  return async (service, header) => {
    const headers = header === undefined ? {} : { headers: { authorization: header } }
    try {
      return await calls[service](headers)
    } catch {
      return isQError(refusal) ? `${refusal.code} ${refusal.field}` : String(refusal)
    }
  }
}

async function bearer(level: AccessLevel, scopes: string[] = [], lifetimeSeconds = 60): Promise<string> {
  const { token } = await mintToken(secret, { subject: 'ada', level, scopes, lifetimeSeconds })
  return `Bearer ${token}`
}

describe('a call', () => {
  it('is let through with a token, and the handler knows the caller', async () => {
    const call = openServices()
    const header = await bearer(AccessLevel.WRITE)
    expect(await call('read', header)).toBe('ada')
    expect(await call('commit', header)).toBe('ada')
    expect(await call('read', header.replace('Bearer', 'bearer'))).toBe('ada')
  })

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Basic YTpi', 'Bearer a b'])(
    'is refused with the header %j',
    async (header) => {
      expect(await openServices()('read', header)).toBe('unauthenticated authorization')
    },
  )

  it('is refused with a token of somebody else, or one that has ended', async () => {
    const call = openServices()
    expect(await call('read', 'Bearer a.b.c')).toBe('token_invalid authorization')
    const { token } = await mintToken(secret, {
      subject: 'ada',
      level: AccessLevel.READ,
      scopes: [],
      lifetimeSeconds: -60,
    })
    expect(await call('read', `Bearer ${token}`)).toBe('token_expired authorization')
  })

  it('needs no token only where the service checks the caller itself', async () => {
    const call = openServices()
    expect(await call('mint')).toBe('minted')
    expect(await call('verify')).toBe('unauthenticated authorization')
  })
})

describe('levels', () => {
  it('let a reader read and not write, and an admin do both', async () => {
    const call = openServices()
    expect(await call('read', await bearer(AccessLevel.READ))).toBe('ada')
    expect(await call('commit', await bearer(AccessLevel.READ))).toBe('permission_denied level')
    expect(await call('commit', await bearer(AccessLevel.ADMIN))).toBe('ada')
  })

  it('are declared for every service of the platform', () => {
    const services = Object.values(contracts)
      .filter((entry) => typeof entry === 'object' && 'kind' in entry && entry.kind === 'service')
      .filter(({ typeName }) => typeName.startsWith('qcore.'))
    expect(services.length).toBeGreaterThan(3)
    expect(services.map(serviceShortName).sort()).toEqual(Object.keys(serviceLevels).sort())
  })
})

describe('scopes', () => {
  it.each([
    [['store:main'], 'ada'],
    [['store:other', 'store:main'], 'ada'],
    [['store:other'], 'permission_denied scope'],
    [['store:mainly'], 'permission_denied scope'],
    [['service:read'], 'ada'],
    [['service:commit'], 'permission_denied scope'],
    [['store:main', 'service:commit'], 'permission_denied scope'],
    [['store:other', 'service:read'], 'permission_denied scope'],
  ])('%j give a reader of store main: %s', async (scopes, answer) => {
    expect(await openServices()('read', await bearer(AccessLevel.ADMIN, scopes))).toBe(answer)
  })
})

describe('a gate', () => {
  const gate = accessGate({
    verifier: createTokenVerifier(secret, secretOnly),
    store: 'main',
    unchecked: ['qcore.auth.v1.TokenService/MintToken'],
  })
  const callOf = (method: HandlerContext['method'], authorization?: string) => ({
    method,
    values: createContextValues(),
    receivedHeader: (name: string) => (name === 'authorization' ? authorization : undefined),
  })

  it('lets a call through with a token, at once if it has seen it, and the handler knows the caller', async () => {
    const header = await bearer(AccessLevel.READ)
    const first = callOf(ReadService.method.getStatus, header)
    const second = callOf(ReadService.method.getStatus, header)
    await gate(first)
    expect(gate(second)).toBeUndefined()
    for (const call of [first, second]) expect(callerOf(call as unknown as HandlerContext).subject).toBe('ada')
  })

  it('refuses a call without a token, with a wrong one, and with one of too low a level', async () => {
    expect(() => gate(callOf(ReadService.method.getStatus))).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    )
    const wrong = gate(callOf(ReadService.method.getStatus, 'Bearer a.b.c'))
    await expect(wrong).rejects.toMatchObject({ code: 'token_invalid' })
    const header = await bearer(AccessLevel.READ)
    for (let time = 0; time < 2; time++) {
      const call = async (): Promise<void> => gate(callOf(CommitService.method.commit, header))
      await expect(call()).rejects.toMatchObject({ code: 'permission_denied' })
    }
  })

  it('asks nothing where the service checks the caller itself', () => {
    const call = callOf(TokenService.method.mintToken)
    expect(gate(call)).toBeUndefined()
    expect(() => callerOf(call as unknown as HandlerContext)).toThrow('no check of access')
  })
})

describe('bearerToken', () => {
  it('finds the token and nothing around it', () => {
    expect(bearerToken(new Headers({ authorization: 'BEARER   abc.def-_~+/= ' }))).toBe('abc.def-_~+/=')
  })
})
