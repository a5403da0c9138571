export {
  accessGate,
  accessInterceptor,
  bearerToken,
  callerOf,
  createCallAuthorizer,
  requireLevel,
} from './interceptor.ts'
export { leastSecretBytes, mintToken } from './token.ts'
export { createTokenVerifier } from './verify/token-verifier.ts'
export { openTokenAccess } from './open-token-access.ts'
export { trustFromDatabase } from './trust/follow-trust.ts'
export { parseTrustChange, readTrustChange, signTrustChange } from './trust/trust-change.ts'
export { secretOnly, TokenTrust } from './trust/token-trust.ts'
export { assertScopes, levelOfMethod, requireScope } from './scopes.ts'
export { SecretBox } from './secret-box.ts'
export { configDenied, configGrantsOf } from './config-grants.ts'
export { grantsOf, permissionNames } from './grants.ts'
export { mayUseNamespace, namespacesOf, requireNamespace } from './namespace-scopes.ts'
export { maySeeTags, requireTags, visibleTagsOf } from './tag-scopes.ts'
export { levelOfName, nameOfLevel } from './claims.ts'
export { accessVariables, sameSecret } from './access-variables.ts'
export type { AccessGate, AccessOptions, CallAuthorizer } from './interceptor.ts'
export type { Signer, TokenRequest } from './token.ts'
export type { TokenVerifier } from './verify/token-verifier.ts'
export type { TokenAccess, TokenAccessOptions } from './open-token-access.ts'
export type { TrustSource } from './trust/follow-trust.ts'
export type { TrustChange } from './trust/trust-change.ts'
export type { ConfigGrants } from './config-grants.ts'
export type { Claims, LevelName } from './claims.ts'
