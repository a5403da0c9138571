import type { EventsRecord } from '../history/recording.ts'
import type { Check } from './check.ts'

export const effects: Check = {
  name: 'effects',
  promise:
    'every event has its effects once in every group, in the order of its key where the group wants that; only those that nobody can handle are dead letters',
  find: ({ events }) => {
    if (events === undefined) return []
    return [...lost(events), ...handled(events), ...dead(events), ...disordered(events)]
  },
}

function lost({ acknowledged, emitted }: EventsRecord): string[] {
  const known = new Set(emitted.map(({ id }) => id))
  return acknowledged.filter((id) => !known.has(id)).map((id) => `event ${id} was acknowledged, and is not there`)
}

function handled({ groups, emitted, effects: written }: EventsRecord): string[] {
  const counts = countsOf(written)
  const found: string[] = []
  for (const { name } of groups) {
    for (const { id, isPoison } of emitted) {
      const count = counts.get(`${name} ${id}`) ?? 0
      const wanted = isPoison ? 0 : 1
      if (count !== wanted) found.push(`event ${id} has its effects ${count} times in group ${name}, not ${wanted}`)
    }
  }
  const known = new Set(emitted.map(({ id }) => id))
  const unknown = written.filter(({ event }) => !known.has(event))
  return [...found, ...unknown.map(({ event }) => `event ${event} has effects, and was not emitted`)]
}

function dead({ groups, emitted, deadLetters }: EventsRecord): string[] {
  const counts = countsOf(deadLetters)
  const found: string[] = []
  for (const { name } of groups) {
    for (const { id, isPoison } of emitted) {
      const count = counts.get(`${name} ${id}`) ?? 0
      if (isPoison && count !== 1) found.push(`event ${id} is ${count} dead letters of group ${name}, not one`)
    }
  }
  const poison = new Set(emitted.flatMap(({ id, isPoison }) => (isPoison ? [id] : [])))
  const wrong = deadLetters.filter(({ event }) => !poison.has(event))
  return [...found, ...wrong.map(({ event, group, error }) => `event ${event} is a dead letter of ${group}: ${error}`)]
}

/** In groups with an order, the effects of a key come in the order of its events. */
function disordered({ groups, emitted, effects: written }: EventsRecord): string[] {
  const places = new Map(emitted.map(({ id, orderKey }, place) => [id, { orderKey, place }]))
  const found: string[] = []
  for (const { name, isOrdered } of groups) {
    if (!isOrdered) continue
    const last = new Map<string, { event: string; place: number }>()
    for (const { event } of written.filter(({ group }) => group === name)) {
      const { orderKey, place } = places.get(event) ?? { orderKey: '', place: -1 }
      const former = last.get(orderKey)
      if (former !== undefined && place < former.place) {
        found.push(`event ${event} has its effects after ${former.event} in group ${name}, which has the same key`)
      }
      last.set(orderKey, { event, place })
    }
  }
  return found
}

function countsOf(facts: readonly { readonly group: string; readonly event: string }[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { group, event } of facts) counts.set(`${group} ${event}`, (counts.get(`${group} ${event}`) ?? 0) + 1)
  return counts
}
