import type { SchemaChanged } from '@qcore/contracts'

/** What a change of a schema did to fields that subscriptions may name: by their names before, in words. */
export function lostFields({ schema, previous, conversions }: SchemaChanged): Map<string, string> {
  const lost = new Map<string, string>()
  if (previous === undefined) return lost
  const nameOf = new Map(schema?.fields.map(({ id, name }) => [id, name]))
  const convertedTo = new Map(conversions.map(({ fromId, toId }) => [fromId, toId]))
  for (const { id, name } of previous.fields) {
    const now = nameOf.get(id)
    if (now === name) continue
    if (now !== undefined) {
      lost.set(name, `was renamed to ${now}`)
      continue
    }
    const converted = nameOf.get(convertedTo.get(id) ?? -1)
    if (converted === undefined) lost.set(name, 'was removed')
    else lost.set(name, converted === name ? 'was retyped' : `was retyped and renamed to ${converted}`)
  }
  return lost
}
