import { text, variable } from '@qcore/service'
import { levelOfName, type Claims } from '../claims.ts'

const pair = /^[^=,\s]+=(read|write|admin)$/

/** The settings of an OpenID Connect issuer that is trusted besides. */
export const oidcVariables = {
  oidcIssuer: variable(
    'Q_OIDC_ISSUER',
    text().refine(isIssuerUrl, 'is not an https URL (http only for this machine) as the tokens name it in `iss`'),
    'URL of an OpenID Connect issuer, for example a realm of Keycloak, whose access tokens are accepted. Empty: none.',
    { default: '' },
  ),
  oidcAudience: variable('Q_OIDC_AUDIENCE', text(), 'What `aud` of the tokens of that issuer has to contain.', {
    default: 'qcore',
  }),
  oidcSubjectClaim: variable('Q_OIDC_SUBJECT_CLAIM', text(), 'Claim that is the subject, as a path with dots.', {
    default: 'sub',
  }),
  oidcLevelClaim: variable(
    'Q_OIDC_LEVEL_CLAIM',
    text(),
    'Claim with the roles, as a path with dots: a list, or a text of words.',
    { default: 'realm_access.roles' },
  ),
  oidcLevels: variable(
    'Q_OIDC_LEVELS',
    text()
      .refine(
        (list) => list.split(',').every((entry) => pair.test(entry)),
        'is not a list such as reader=read,boss=admin',
      )
      .transform(parseLevels),
    'Levels of the roles, as role=level with commas between; the highest counts, and without one a token is refused.',
    { default: 'qcore-read=read,qcore-write=write,qcore-admin=admin' },
  ),
  oidcScopeClaim: variable(
    'Q_OIDC_SCOPE_CLAIM',
    text(),
    'Claim with the scopes, as a path with dots: a list, or a text of words. Words that are no scope of qcore are left out.',
    { default: 'scope' },
  ),
} as const

/** Levels by role. */
export type RoleLevels = ReadonlyMap<string, Claims['level']>

function parseLevels(list: string): RoleLevels {
  return new Map(
    list.split(',').flatMap((entry) => {
      const equals = entry.lastIndexOf('=')
      const level = levelOfName(entry.slice(equals + 1))
      return level === undefined ? [] : [[entry.slice(0, equals), level] as const]
    }),
  )
}

const localHosts = ['127.0.0.1', 'localhost', '[::1]']

function isIssuerUrl(url: string): boolean {
  const parsed = URL.parse(url)
  if (url === '') return true
  return parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && localHosts.includes(parsed.hostname))
}
