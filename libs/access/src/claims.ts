import { AccessLevel } from '@qcore/contracts'

/** What a token says. */
export interface Claims {
  /** Whom it is for. */
  readonly subject: string
  readonly level: AccessLevel
  /** `resource:identifier`; empty means no limit. In the form of Qhronos: tags, and none means none. */
  readonly scopes: readonly string[]
  /** Absent: the platform's own. */
  readonly form?: 'qhronos'
  readonly tokenId: string
  /** Seconds since 1970. */
  readonly issuedAt: number
  /** Seconds since 1970. */
  readonly expiresAt: number
}

const levelNames = {
  [AccessLevel.READ]: 'read',
  [AccessLevel.WRITE]: 'write',
  [AccessLevel.ADMIN]: 'admin',
} as const

/** `read`, `write` or `admin`. */
export type LevelName = (typeof levelNames)[keyof typeof levelNames]

/** The level of a name; undefined for another word. */
export function levelOfName(name: unknown): AccessLevel | undefined {
  switch (name) {
    case 'read':
      return AccessLevel.READ
    case 'write':
      return AccessLevel.WRITE
    case 'admin':
      return AccessLevel.ADMIN
    default:
      return undefined
  }
}

/** The name of a level; undefined for a number that is none. */
export function nameOfLevel(level: AccessLevel): LevelName | undefined {
  return levelNames[level as keyof typeof levelNames]
}
