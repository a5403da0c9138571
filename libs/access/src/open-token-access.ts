import type { NatsConnection } from '@nats-io/transport-node'
import type { Logger, SettingsOf } from '@qcore/service'
import type { accessVariables } from './access-variables.ts'
import { OidcIssuer } from './oidc/oidc-issuer.ts'
import { TrustFollower, type FollowTrustOptions, type TrustSource } from './trust/follow-trust.ts'
import type { TokenTrust } from './trust/token-trust.ts'
import { createTokenVerifier, type TokenVerifier } from './verify/token-verifier.ts'

export interface TokenAccessOptions {
  readonly config: SettingsOf<typeof accessVariables> & { readonly store: string }
  readonly connection: NatsConnection
  readonly logger: Logger
  /** Where keys and revocations are read. */
  readonly source: TrustSource
  readonly onChange?: FollowTrustOptions['onChange']
  /** Whether to begin without what the source says, which is asked for until it comes. Otherwise it has to answer. */
  readonly beginsUnknowing?: boolean
}

/** What a service knows of tokens, kept as it is. Disposing ends that. */
export interface TokenAccess extends AsyncDisposable {
  readonly verifier: TokenVerifier
  readonly trust: TokenTrust
  /** Asks the source now. Never rejects. */
  refresh(): Promise<boolean>
}

/** A key that is not known makes the source be asked, and not more often than this, in milliseconds. */
const refreshPauseMs = 250

/**
 * Begins to follow what a service has to know of tokens, and makes the verifier that goes by it.
 *
 * @throws QError `unavailable`
 */
export async function openTokenAccess(options: TokenAccessOptions): Promise<TokenAccess> {
  const { config, connection, logger, source, onChange, beginsUnknowing = false } = options
  const { store, authSecret, trustMs } = config
  await using opened = new AsyncDisposableStack()
  const follower = opened.use(
    new TrustFollower({
      connection,
      store,
      authSecret,
      source,
      trustMs,
      logger,
      ...(onChange === undefined ? {} : { onChange }),
    }),
  )
  if (beginsUnknowing) void follower.refresh()
  else await follower.start()
  let refreshedAtMs = -Infinity
  const refresh = async (): Promise<void> => {
    if (performance.now() - refreshedAtMs < refreshPauseMs) return
    refreshedAtMs = performance.now()
    await follower.refresh()
  }
  const issuer = config.oidcIssuer === '' ? undefined : new OidcIssuer(config)
  const verifier = createTokenVerifier(authSecret, follower.trust, {
    refresh,
    ...(issuer === undefined ? {} : { issuer }),
  })
  const owned = opened.move()
  return {
    verifier,
    trust: follower.trust,
    refresh: () => follower.refresh(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
