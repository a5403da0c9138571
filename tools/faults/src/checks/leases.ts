import type { Check } from './check.ts'

export const leases: Check = {
  name: 'leases',
  promise: "the token of an application's lease is greater than that of every lease granted before",
  find: ({ leases: grants }) => {
    if (grants.length === 0) return ['no lease was granted']
    const found: string[] = []
    const seen = new Set<number>()
    for (const { holder, token, invokedMs } of grants) {
      if (seen.has(token)) found.push(`the token ${token} was granted twice, the second time to ${holder}`)
      seen.add(token)
      const before = grants.filter(({ completedMs }) => completedMs < invokedMs)
      const newest = Math.max(0, ...before.map((grant) => grant.token))
      if (token < newest) found.push(`${holder} was granted the token ${token}, after ${newest}`)
    }
    return found
  },
}
