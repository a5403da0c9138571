/** Of the platform's own tokens. */
export const ownIssuer = 'qcore'
export const audience = 'qcore'
/** RFC 9068: keeps access tokens apart from other JWTs of the same key. */
export const ownType = 'at+jwt'

/** Of tokens in the form of Qhronos. Its own servers name no issuer. */
export const qhronosIssuer = 'qhronos'
export const qhronosType = 'JWT'
/** How long one is good after it was made, whatever it says: revocations are kept longer than that, and not for ever. */
export const qhronosLifetimeSeconds = 365 * 86_400

/** The one algorithm of the secret that the services share. */
export const secretAlgorithm = 'HS256'

/** How far clocks of the services may differ, in seconds. */
export const clockToleranceSeconds = 30
