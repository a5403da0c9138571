import type { BackingServer, ServerSource } from './backing-server.ts'
import { LocalStackError } from './local-stack-error.ts'

/** One way of getting a server. */
export interface SourceAttempt {
  readonly source: ServerSource
  /** Starts it; a string says in a few words why this source has none. */
  start(): Promise<BackingServer | string>
}

export interface SourceChoice {
  /** For people, as `PostgreSQL 15 or newer`. */
  readonly title: string
  /** The variable that forces a source. */
  readonly variable: string
  readonly forced: ServerSource | undefined
  /** What to do if there is none at all. */
  readonly advice: string
}

/**
 * Starts the server from the first source that has one; from no other than the forced one if there is that.
 *
 * @throws LocalStackError if none has, with the reason of each
 */
export async function startFromSources(
  { title, variable, forced, advice }: SourceChoice,
  attempts: readonly SourceAttempt[],
): Promise<BackingServer> {
  const reasons: string[] = []
  for (const attempt of attempts) {
    if (forced !== undefined && attempt.source !== forced) continue
    const result = await attempt.start()
    if (typeof result !== 'string') return result
    reasons.push(forced === undefined ? `${attempt.source}: ${result}` : result)
  }
  if (forced !== undefined) throw new LocalStackError(`${variable}=${forced} gives no ${title}: ${reasons.join()}`)
  throw new LocalStackError(`no ${title} found (${reasons.join('; ')}). ${advice}`)
}
