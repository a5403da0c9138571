/** Whether an entity is there, its name, its parent. */
export function entityKey(id: string): string {
  return id
}

/** What a field of an entity holds. */
export function fieldKey(id: string, name: string): string {
  return `${id} ${name}`
}

/** Which children an entity has, in which order. */
export function childrenKey(id: string): string {
  return `${id} *`
}

/** Which entities of a type there are, their names, their parents. Ids have no colon. */
export function typeKey(type: string): string {
  return `:${type}`
}

/** What a field of any entity of a type holds. */
export function typeFieldKey(type: string, name: string): string {
  return `:${type} ${name}`
}
