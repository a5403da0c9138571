import type { Check } from './check.ts'

export const revisions: Check = {
  name: 'revisions',
  promise: 'revisions are 1, 2, 3, … without gap or repeat, up to the head',
  find: ({ log, head }) => {
    const found = log.flatMap(({ revision }, index) => {
      const expected = (log[index - 1]?.revision ?? 0) + 1
      return revision === expected ? [] : [`revision ${revision} where ${expected} was due`]
    })
    const last = log.at(-1)?.revision ?? 0
    if (last !== head.revision) found.push(`the head is at revision ${head.revision}; the log ends with ${last}`)
    return found
  },
}

export const epochs: Check = {
  name: 'epochs',
  promise: 'epochs never go back along the log',
  find: ({ log, head }) => {
    const found = log.flatMap(({ revision, epoch }, index) => {
      const before = log[index - 1]?.epoch ?? 0
      return epoch >= before ? [] : [`revision ${revision} is of epoch ${epoch}, after epoch ${before}`]
    })
    const last = log.at(-1)?.epoch ?? 0
    if (head.epoch < last) found.push(`the head is of epoch ${head.epoch}, before the log's ${last}`)
    return found
  },
}
