/** Which dead letters; what is undefined is not asked for. */
export interface DeadLetterSearch {
  readonly namespace: string
  readonly ids: readonly number[] | undefined
  readonly group: string | undefined
  readonly typeRegex: string | undefined
  readonly reason: number | undefined
  readonly fingerprint: string | undefined
  readonly nodeId: string | undefined
  readonly fromUs: number | undefined
  readonly toUs: number | undefined
  readonly states: readonly number[]
  /** Undefined: in any case. Otherwise those that can be replayed: by their own group (empty), or of none, by this one. */
  readonly toGroup?: string
  /** None that a node works on. */
  readonly isIdle?: boolean
  /** Of occurrences only those whose schedule has one of these tags; undefined: all. */
  readonly visibleTags: readonly string[] | undefined
}

const timeOf = (parameter: string): string => `to_timestamp(${parameter}::double precision / 1000000)`

const idle = `occurrence_id is null and (claimed_until is null or claimed_until <= clock_timestamp())`

/** An occurrence may have been run otherwise since. */
const canRunAgain = `exists (select from occurrence where occurrence.id = occurrence_id and occurrence.state = 5)`

/** What a caller sees who is limited to tags: events, and occurrences of schedules that have one of them. */
export const isVisible = (tags: string): string =>
  `(dead_letter.schedule_id is null or exists (
    select from schedule where schedule.id = dead_letter.schedule_id and schedule.tags ?| ${tags}::text[]))`

/** The conditions of a search; adds their values. */
export function deadLetterConditions(search: DeadLetterSearch, values: unknown[]): string {
  const add = (value: unknown): string => `$${values.push(value)}`
  const conditions = [`namespace = ${add(search.namespace)}`, `state = any(${add(search.states)}::smallint[])`]
  const { ids, group, typeRegex, reason, fingerprint, nodeId, fromUs, toUs, visibleTags } = search
  if (visibleTags !== undefined) conditions.push(isVisible(add(visibleTags)))
  if (ids !== undefined) conditions.push(`id = any(${add(ids)}::bigint[])`)
  if (group !== undefined) conditions.push(`group_name = ${add(group)}`)
  if (typeRegex !== undefined) conditions.push(`type ~ ${add(typeRegex)}`)
  if (reason !== undefined) conditions.push(`reason = ${add(reason)}`)
  if (fingerprint !== undefined) conditions.push(`fingerprint = ${add(fingerprint)}`)
  if (nodeId !== undefined) conditions.push(`node_id = ${add(nodeId)}`)
  if (fromUs !== undefined) conditions.push(`died_at >= ${timeOf(add(fromUs))}`)
  if (toUs !== undefined) conditions.push(`died_at < ${timeOf(add(toUs))}`)
  if (search.toGroup !== undefined) conditions.push(...replayConditions(search.toGroup, add))
  if (search.isIdle === true) conditions.push(idle)
  return conditions.join(' and ')
}

/** The group wants the type, or nobody would ever take the replay; and it has no other letter of the event. */
function replayConditions(toGroup: string, add: (value: unknown) => string): string[] {
  const group = toGroup === '' ? 'dead_letter.group_name' : add(toGroup)
  const wanted = `exists (
    select from event_subscription wanting
    where wanting.namespace = dead_letter.namespace and wanting.group_name = ${group}
      and dead_letter.type ~ wanting.type_regex
  )`
  if (toGroup === '')
    return [`case when occurrence_id is null then group_name <> '' and ${wanted} else ${canRunAgain} end`]
  const isNew = `not exists (
    select from dead_letter other
    where other.namespace = dead_letter.namespace and other.group_name = ${group}
      and other.revision = dead_letter.revision and other.event_index = dead_letter.event_index
  )`
  return [`group_name = ''`, wanted, isNew]
}
