import type { DeadLetter } from '@qcore/client'
import { expect, vi } from 'vitest'
import type { CoreEvent, CoreNode, CoreSystem, HandlerContext } from '../src/index.ts'
import type { TestStore } from './_store.ts'

/** How long tests wait for what surely comes, on a busy machine. */
export const patience = { timeout: 30_000, interval: 20 }

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** What a handler leaves in its database. */
export async function note(event: CoreEvent, { client }: HandlerContext, text = ''): Promise<void> {
  await client.query('insert into effect (event, note) values ($1, $2)', [event.messageId, text])
}

/** What handlers have left of events, in order. */
export async function notes({ pool }: TestStore, ...ids: string[]): Promise<string[]> {
  const { rows } = await pool.query<{ note: string }>('select note from effect where event = any($1) order by note', [
    ids,
  ])
  return rows.map((row) => row.note)
}

export async function deadLetters({ client, namespace }: CoreSystem): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  for await (const letter of client.events.deadLetters.list(namespace)) letters.push(letter)
  return letters
}

/** Starts a node, and waits until nothing waits any more. */
export async function settled(system: CoreSystem, node: CoreNode): Promise<void> {
  await node.start()
  await vi.waitFor(async () => expect((await system.metrics()).queueDepth).toBe(0), patience)
}
