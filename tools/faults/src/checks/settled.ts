import { isCommit } from '../history/operation.ts'
import type { Check } from './check.ts'
import { LogIndex } from './log-index.ts'

/** The answer that settles a swap without making it. */
export const refusedCondition = 'condition_failed'

export const settled: Check = {
  name: 'settled',
  promise: 'a retry with the same key settles every unknown outcome, and no key is committed twice',
  find: ({ operations, log }) => {
    const index = new LogIndex(log)
    const found: string[] = []
    for (const operation of operations) {
      if (!isCommit(operation)) continue
      const { requestKey, outcome, error, wasInDoubt } = operation
      const made = index.made(requestKey)
      if (made.length > 1) {
        found.push(`${requestKey} was committed as the revisions ${made.map(({ revision }) => revision).join(' and ')}`)
      }
      if (!wasInDoubt || outcome !== 'unknown') continue
      if (error !== refusedCondition) found.push(`${requestKey} is still in doubt (${error})`)
      else if (made.length > 0) found.push(`a retry of ${requestKey} was told ${error}, and it is in the log`)
    }
    return found
  },
}
