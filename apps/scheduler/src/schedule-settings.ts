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

/** Reads the definition of a schedule. */
export function readSettingsOf(definition: Uint8Array): ScheduleSettings {
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
