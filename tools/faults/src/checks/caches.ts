import type { Check } from './check.ts'

export const caches: Check = {
  name: 'caches',
  promise: 'after healing, every reader answers what PostgreSQL holds',
  find: ({ caches: records, fields, head }) => {
    if (records.length === 0) return ['no reader answered']
    return records.flatMap(({ reader, revision, fields: cached }) => {
      const found = revision === head.revision ? [] : [`${reader} is at revision ${revision}, not ${head.revision}`]
      for (const [key, held] of Object.entries(fields)) {
        const answer = cached[key]
        if (answer?.value === held.value && answer.revision === held.revision) continue
        found.push(`${reader} has ${JSON.stringify(answer)} in ${key}; PostgreSQL has ${JSON.stringify(held)}`)
      }
      return found
    })
  },
}
