import { fromBinary } from '@bufbuild/protobuf'
import type { Duration } from '@bufbuild/protobuf/wkt'
import { CatchUpPolicy, PutScheduleSchema, type PutSchedule } from '@qcore/contracts'
import { parseRule, type CatchUpPolicy as CatchUpName, type Rule } from '@qcore/recurrence'
import { LRUCache } from 'lru-cache'

const defaultGraceMs = 120_000
const defaultCatchUpLimit = 100
const defaultAttempts = 3
const defaultBackoffMs = 5_000
const defaultMaxBackoffMs = 3_600_000
const mostKnownRules = 10_000
/** Settings that are kept, of definitions of up to so many bytes: schedules fire again and again. */
const mostKnownSettings = 4_000
const mostKeptBytes = 1_024

/** What a schedule says of its occurrences, with the defaults filled in. */
export interface ScheduleSettings {
  readonly put: PutSchedule
  readonly catchUp: CatchUpName
  readonly catchUpLimit: number
  readonly graceMs: number
  readonly maxAttempts: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
}

const policies: ReadonlyMap<CatchUpPolicy, CatchUpName> = new Map([
  [CatchUpPolicy.LAST, 'last'],
  [CatchUpPolicy.ALL, 'all'],
])

const settings = new LRUCache<string, ScheduleSettings>({ max: mostKnownSettings })

/** Reads the definition of a schedule. Equal ones have the same settings, which must not be changed. */
export function readSettingsOf(definition: Buffer): ScheduleSettings {
  if (definition.length > mostKeptBytes) return parseSettings(definition)
  const key = definition.toString('latin1')
  let known = settings.get(key)
  if (known === undefined) settings.set(key, (known = parseSettings(definition)))
  return known
}

function parseSettings(definition: Uint8Array): ScheduleSettings {
  const put = fromBinary(PutScheduleSchema, definition)
  const { retry } = put
  return {
    put,
    catchUp: policies.get(put.catchUp) ?? 'skip',
    catchUpLimit: put.catchUpLimit || defaultCatchUpLimit,
    graceMs: milliseconds(put.grace) ?? defaultGraceMs,
    maxAttempts: retry?.maxAttempts || defaultAttempts,
    backoffMs: milliseconds(retry?.backoff) ?? defaultBackoffMs,
    maxBackoffMs: milliseconds(retry?.maxBackoff) ?? defaultMaxBackoffMs,
  }
}

const rules = new LRUCache<string, Rule>({ max: mostKnownRules })

/** The rule of a schedule, from what is stored of it. */
export function readRuleSpec(spec: string): Rule {
  let rule = rules.get(spec)
  if (rule === undefined) rules.set(spec, (rule = parseRule(JSON.parse(spec))))
  return rule
}

function milliseconds(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000
}
