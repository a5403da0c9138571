import { commit } from '@qcore/client'
import { Config, Device, Person } from '../schema.ts'
import type { Stop } from '../stop.ts'

export async function setSchemas({ q, print }: Stop): Promise<void> {
  // Types that are written in TypeScript, all in one commit.
  await q.commit(commit().setSchema(Device).setSchema(Person).setSchema(Config))

  // A type that only the store knows.
  await q.setSchema({ type: 'TourService', fields: { Status: 'String', Uptime: 'Int' } })

  const { type, fields } = await q.schema('TourDevice')
  print(`${type}:`)
  for (const [name, field] of Object.entries(fields)) print(`  ${name}: ${[field.type, ...field.choices].join(' ')}`)
  const types = await q.types()
  print(`types of the tour: ${types.filter((name) => name.startsWith('Tour')).join(', ')}`)
}
