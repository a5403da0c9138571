import type { Check } from './check.ts'
import { registerHistories } from './register-history.ts'
import { searchLinearization } from './search-linearization.ts'

/** Searches take milliseconds; one that takes this long has met a history that it cannot decide, which counts as found. */
const searchLimitMs = 60_000
/** What every field holds before the load. */
export const initialValue = ''

export const linearizable: Check = {
  name: 'linearizable',
  promise: 'the history of each field is linearizable',
  find: ({ operations }) => {
    const deadlineMs = performance.now() + searchLimitMs
    return [...registerHistories(operations)].flatMap(([key, history]) => {
      const result = searchLinearization(history, { initial: initialValue, deadlineMs })
      return result === 'linearizable' ? [] : [`the ${history.length} operations on ${key}: ${result}`]
    })
  },
}
