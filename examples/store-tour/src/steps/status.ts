import type { Stop } from '../stop.ts'

/** Where one is. `connect` opened the client; `await using` closes it. */
export async function readStatus({ q, print }: Stop): Promise<void> {
  const { store, revision, leader } = await q.status()
  print(`connected to the store ${store}`)
  print(`it has a leading writer: ${leader !== ''}; it is at a revision: ${revision > 0}`)
}
