import type { Client, Entity } from '@qcore/client'

const folderId = 'store-tour'

/** Makes the folder of the tour; what an earlier one left is deleted. */
export async function prepareFolder(q: Client): Promise<Entity> {
  if (await q.exists(folderId, { consistency: 'latest' })) await q.delete(folderId)
  return q.create('Folder', { parent: await q.root(), name: 'Store tour', id: folderId })
}
