import { z } from 'zod'
import { parseJson } from './hello.ts'

const dueSchema = z.looseObject({
  event_id: z.string(),
  occurrence_id: z.string(),
  metadata: z.unknown(),
  tags: z.array(z.string()),
})

/** The frame of an event that is due, with the members of every version. */
export type DueFrame = { readonly type: 'event'; readonly payload: unknown } & z.infer<typeof dueSchema>

/** Reads what a scheduler tells of an occurrence. Undefined for what is none. */
export function dueFrame(text: string): DueFrame | undefined {
  const parsed = dueSchema.safeParse(parseJson(text))
  return parsed.success ? { ...parsed.data, type: 'event', payload: parsed.data.metadata } : undefined
}
