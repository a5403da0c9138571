import type { Client } from '@qcore/client'

/** Makes the type and the lamp of the page, unless they are there. Gives the lamp's id. */
export async function prepareLamp(q: Client): Promise<string> {
  await q.setSchema({ type: 'BrowserLamp', fields: { Level: 'Int' } })
  for await (const { id } of q.find('BrowserLamp', { limit: 1 })) return id
  return (await q.create('BrowserLamp', { parent: await q.root(), name: 'lamp of the page' })).id
}
