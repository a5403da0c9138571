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
  /** Undefined: in any case. Otherwise of a group (true), or of none. */
  readonly isWanted?: boolean
  /** Only what can be tried again: an occurrence may have been run otherwise since. */
  readonly isReplayable?: boolean
}

const timeOf = (parameter: string): string => `to_timestamp(${parameter}::double precision / 1000000)`

const replayable = `(occurrence_id is null
  or exists (select from occurrence where occurrence.id = occurrence_id and occurrence.state = 5))`

/** The conditions of a search; adds their values. */
export function deadLetterConditions(search: DeadLetterSearch, values: unknown[]): string {
  const add = (value: unknown): string => `$${values.push(value)}`
  const conditions = [`namespace = ${add(search.namespace)}`, `state = any(${add(search.states)}::smallint[])`]
  const { ids, group, typeRegex, reason, fingerprint, nodeId, fromUs, toUs } = search
  if (ids !== undefined) conditions.push(`id = any(${add(ids)}::bigint[])`)
  if (group !== undefined) conditions.push(`group_name = ${add(group)}`)
  if (typeRegex !== undefined) conditions.push(`type ~ ${add(typeRegex)}`)
  if (reason !== undefined) conditions.push(`reason = ${add(reason)}`)
  if (fingerprint !== undefined) conditions.push(`fingerprint = ${add(fingerprint)}`)
  if (nodeId !== undefined) conditions.push(`node_id = ${add(nodeId)}`)
  if (fromUs !== undefined) conditions.push(`died_at >= ${timeOf(add(fromUs))}`)
  if (toUs !== undefined) conditions.push(`died_at < ${timeOf(add(toUs))}`)
  if (search.isWanted !== undefined) conditions.push(`group_name ${search.isWanted ? '<>' : '='} ''`)
  if (search.isReplayable === true) conditions.push(replayable)
  return conditions.join(' and ')
}
