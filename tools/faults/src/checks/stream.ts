import type { Check } from './check.ts'

/** A stream that was lost gets at most so many revisions again (the relay's limit). */
const mostRepublished = 10_000

export const stream: Check = {
  name: 'stream',
  promise: 'after healing, the JetStream stream is the log, in order and byte for byte',
  find: ({ stream: { logId, entries }, log, head }) => {
    const found: string[] = []
    if (logId !== head.logId) found.push(`the stream is of the log ${logId || 'none'}, not of ${head.logId}`)
    const first = entries[0]?.revision ?? 0
    const floor = Math.max(log[0]?.revision ?? 1, head.revision - mostRepublished + 1)
    if (first === 0 || first > floor) found.push(`the stream begins with revision ${first}; ${floor} is missing`)
    entries.forEach(({ revision }, index) => {
      const expected = (entries[index - 1]?.revision ?? first - 1) + 1
      if (revision !== expected) found.push(`the stream has revision ${revision} where ${expected} was due`)
    })
    const last = entries.at(-1)?.revision ?? 0
    if (last !== head.revision) found.push(`the stream ends with revision ${last}; the log with ${head.revision}`)
    const digests = new Map(log.map(({ revision, digest }) => [revision, digest]))
    for (const { revision, digest } of entries) {
      if (digests.get(revision) !== digest) found.push(`revision ${revision} of the stream is not that of the log`)
    }
    return found
  },
}
