/** How a field, or a kind of structure, of a type is named in the groups of a subtree. Of any type: the empty name. */
export function subtreeKey(type: string, field: string): string {
  return `${type} ${field}`
}

/** The type and the field of a key. */
export function subtreeKeyParts(key: string): { type: string; field: string } {
  const space = key.indexOf(' ')
  return { type: key.slice(0, space), field: key.slice(space + 1) }
}
