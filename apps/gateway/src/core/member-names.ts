/** How members of an event are called that the services name as in the proto. */
type Names = Readonly<Record<string, string>>

export const seedNames: Names = {
  type: 'eventType',
  producer: 'producerNodeId',
  correlation_id: 'correlationId',
  order_key: 'orderKey',
  dedupe_key: 'dedupeKey',
  dedupe_window_ms: 'dedupeWindowMs',
  deliver_time: 'deliverAt',
  delay_ms: 'delayMs',
  expire_time: 'expireAt',
  lifetime_ms: 'lifetimeMs',
}

export const cloudNames: Names = {
  payload: 'data',
  producer: 'source',
  correlation_id: 'correlationid',
  order_key: 'partitionkey',
  deliver_time: 'delivertime',
  expire_time: 'expirytime',
}

/** `event.<name>` or `mutations[i].emit_event.<name>`, and what follows. */
const servicePath = /^(?:event|mutations(\[\d+\])\.emit_event)\.([a-z_]+)(.*)$/

/** The name that a caller knows of what a service names. */
export function memberName(field: string, names: Names): string {
  const [, index = '', name, rest = ''] = servicePath.exec(field) ?? []
  if (name === undefined) return field === 'idempotency_key' ? 'idempotency-key' : field
  const own = /^attributes\["(.*)"\]$/s.exec(`${name}${rest}`)?.[1] ?? `${names[name] ?? name}${rest}`
  return index === '' ? own : `${index}.${own}`
}
