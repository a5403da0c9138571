import type { ServiceImpl } from '@connectrpc/connect'
import type { TemporaryService } from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { deleteKey, expireKey, getKey, setKey } from '../temporary/temporary-keys.ts'
import { addMember, listMembers, removeMember, removeMembersByRank } from '../temporary/temporary-members.ts'

/** Members of a set. */
const mostMembers = 1_000
const longestLifetimeMs = 2_592_000_000

/** TemporaryService: a statement a call. */
export function temporaryHandlers(executor: Executor): ServiceImpl<typeof TemporaryService> {
  return {
    async setKey({ key, value, lifetimeMs }) {
      const lasting = lifetimeMs === 0n ? longestLifetimeMs : Number(lifetimeMs)
      return { set: await readDatabase(setKey(executor, { key, value, lifetimeMs: lasting })) }
    },
    async getKey({ key }) {
      const value = await readDatabase(getKey(executor, key))
      return value === undefined ? {} : { value }
    },
    async expireKey({ key, lifetimeMs }) {
      return { found: await readDatabase(expireKey(executor, { key, lifetimeMs: Number(lifetimeMs) })) }
    },
    async deleteKey({ key }) {
      return { found: await readDatabase(deleteKey(executor, key)) }
    },
    async addMember({ key, member, score }) {
      if (Number.isNaN(score)) throw new QError('invalid_request', 'the score is no number', { field: 'score' })
      const addition = await readDatabase(addMember(executor, { key, member, score, most: mostMembers }))
      if (addition === 'full') throw new QError('overloaded', `the set ${key} has ${mostMembers} members`)
      return { added: addition === 'added' }
    },
    async removeMember({ key, member }) {
      return { removed: await readDatabase(removeMember(executor, { key, member })) }
    },
    async removeMembersByRank({ key, first, last }) {
      return { removed: BigInt(await readDatabase(removeMembersByRank(executor, { key, first, last }))) }
    },
    async listMembers({ key, least, leastExcluded, greatest, greatestExcluded }) {
      const range = { least: least ?? -Infinity, leastExcluded, greatest: greatest ?? Infinity, greatestExcluded }
      return { members: await readDatabase(listMembers(executor, key, range)) }
    },
  }
}
