import type { Key } from '../history/operation.ts'
import type { Random } from './random.ts'

export const registerType = 'Register'
export const registerFields = ['A', 'B', 'C', 'D'] as const
/** What the clients fight for: 16 fields. */
const hotEntities = entityNames('hot', 4)
/** What shows that nothing far away is hit: 200 fields. */
const wideEntities = entityNames('wide', 50)
export const registerEntities: readonly string[] = [...hotEntities, ...wideEntities]
export const allKeys: readonly Key[] = registerEntities.flatMap((entity) => registerFields.map((f) => keyOf(entity, f)))

const hotKeys = hotEntities.flatMap((entity) => registerFields.map((field) => keyOf(entity, field)))
const wideKeys = allKeys.slice(hotKeys.length)
const hotShare = 0.6

export function keyOf(entityId: string, field: string): Key {
  return `${entityId}/${field}`
}

export function splitKey(key: Key): { entityId: string; field: string } {
  const [entityId = '', field = ''] = key.split('/')
  return { entityId, field }
}

/** Several fields, all different; contended ones are likelier. */
export function chooseKeys(random: Random, count: number): Key[] {
  const chosen = new Set<Key>()
  while (chosen.size < count) {
    const keys = random.next() < hotShare ? hotKeys : wideKeys
    const key = keys[random.below(keys.length)]
    if (key !== undefined) chosen.add(key)
  }
  return [...chosen]
}

function entityNames(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`)
}
