import { commit, type Client } from '@qcore/client'

/** Entities of the data set; with ten fields each, a million fields. */
export const entityCount = 100_000
export const fieldsPerEntity = 10
/** The distinct values of `Level`: a find by one of them matches a hundred entities of the whole set. */
export const distinctLevels = 1_000

const entitiesPerCommit = 500
const commitsInFlight = 4

/** Ids of the data set, in order. */
export function entityIds(count = entityCount): string[] {
  return Array.from({ length: count }, (_, index) => `sensor-${String(index).padStart(6, '0')}`)
}

/** The names of the fields, `Value` first, which is not indexed; `Level` is. */
export const fieldNames = [
  'Value',
  'Level',
  ...Array.from({ length: fieldsPerEntity - 2 }, (_, index) => `Reading${index}`),
]

/** Creates the type `Sensor` and its entities below one folder. */
export async function createDataset(q: Client, ids: readonly string[]): Promise<void> {
  const readings = Object.fromEntries(
    fieldNames.slice(2).map((name) => [name, { type: 'Int', unindexed: true } as const]),
  )
  await q.setSchema({ type: 'Sensor', fields: { Value: { type: 'Int', unindexed: true }, Level: 'Int', ...readings } })
  const root = await q.root()
  const folder = await q.create('Folder', { parent: root, name: 'Sensors' })
  let next = 0
  const loader = async (): Promise<void> => {
    for (;;) {
      const from = next
      next += entitiesPerCommit
      const some = ids.slice(from, from + entitiesPerCommit)
      if (some.length === 0) return
      await q.commit(
        some.reduce(
          (builder, id, index) =>
            builder.create('Sensor', {
              id,
              parent: folder,
              name: id,
              fields: { Level: (from + index) % distinctLevels },
            }),
          commit(),
        ),
        { timeoutMs: 60_000 },
      )
    }
  }
  await Promise.all(Array.from({ length: commitsInFlight }, loader))
}
