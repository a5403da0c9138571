import type { Occasion } from './action.ts'

/**
 * An occurrence as receivers are told of it, as JSON. By hand: metadata goes as it was given. Names in alphabetical order, as
 * Qhronos sends them.
 */
export function occasionJson({
  occurrence,
  settings: { put },
  attempt,
}: Pick<Occasion, 'occurrence' | 'settings' | 'attempt'>): string {
  const { scheduleId, id, nominalUs } = occurrence
  const scheduledAt = new Date(nominalUs / 1_000).toISOString().replace('.000Z', 'Z')
  const name = put.title === '' ? put.name : put.title
  return `{${[
    `"attempt":${attempt}`,
    `"description":${JSON.stringify(put.description)}`,
    `"event_id":${JSON.stringify(scheduleId)}`,
    `"metadata":${put.metadata === '' ? '{}' : put.metadata}`,
    `"name":${JSON.stringify(name)}`,
    `"occurrence_id":${JSON.stringify(id)}`,
    `"scheduled_at":${JSON.stringify(scheduledAt)}`,
    `"tags":${JSON.stringify(put.tags)}`,
  ].join(',')}}`
}

/** What tells the message of an occurrence from others: the same in every attempt, another one in a run that was asked for again. */
export function messageIdOf({ id, run }: Occasion['occurrence']): string {
  return run === 0 ? id : `${id}-${run}`
}
