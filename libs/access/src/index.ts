export {
  accessGate,
  accessInterceptor,
  bearerToken,
  callerOf,
  createCallAuthorizer,
  requireLevel,
} from './interceptor.ts'
export { createTokenVerifier, leastSecretBytes, mintToken } from './token.ts'
export { SecretBox } from './secret-box.ts'
export { assertScopes } from './scopes.ts'
export { configDenied, configGrantsOf } from './config-grants.ts'
export { grantsOf } from './grants.ts'
export { levelOfName, nameOfLevel } from './claims.ts'
export { accessVariables, sameSecret } from './access-variables.ts'
export type { AccessOptions, CallAuthorizer } from './interceptor.ts'
export type { TokenRequest, TokenVerifier } from './token.ts'
export type { ConfigGrants } from './config-grants.ts'
export type { Claims, LevelName } from './claims.ts'
