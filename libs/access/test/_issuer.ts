import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose'

/** An OpenID Connect issuer, as far as those who verify its tokens see it. */
export interface TestIssuer extends AsyncDisposable {
  readonly url: string
  /** A token as Keycloak makes it, but for what a test changes. */
  sign(claims?: JWTPayload, header?: { alg?: string; kid?: string }): Promise<string>
  /** Begins to sign with another key; the old one is no longer published. */
  rotate(): Promise<void>
  /** What discovery says the issuer is. */
  named: string | undefined
  isAway: boolean
  requests: number
}

export async function startIssuer(algorithm = 'RS256'): Promise<TestIssuer> {
  let key: { kid: string; privateKey: CryptoKey; jwk: object }
  const makeKey = async (): Promise<void> => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm)
    const kid = randomUUID()
    key = { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' } }
  }
  await makeKey()
  const server = createServer((request, response) => {
    issuer.requests += 1
    if (issuer.isAway) {
      response.writeHead(503).end('away')
      return
    }
    const isKeys = request.url === '/realms/main/protocol/openid-connect/certs'
    const document = isKeys
      ? { keys: [key.jwk] }
      : { issuer: issuer.named ?? issuer.url, jwks_uri: `${issuer.url}/protocol/openid-connect/certs` }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/main`,
    named: undefined,
    isAway: false,
    requests: 0,
    rotate: makeKey,
    sign: (claims = {}, header = {}) =>
      new SignJWT({
        iss: issuer.url,
        aud: ['account', 'qcore'],
        sub: 'f3a1',
        jti: randomUUID(),
        typ: 'Bearer',
        preferred_username: 'ada',
        realm_access: { roles: ['offline_access', 'qcore-read', 'qcore-write'] },
        scope: 'openid profile service:read email',
        ...claims,
      })
        .setProtectedHeader({ alg: algorithm, kid: key.kid, typ: 'JWT', ...header })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(key.privateKey),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return issuer
}
