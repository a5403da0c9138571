import { toBinary } from '@bufbuild/protobuf'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { callerOf, requireLevel, requireNamespace, visibleTagsOf } from '@qcore/access'
import {
  AccessLevel,
  DeadLetterFilterSchema,
  DeadLetterState,
  type DeadLetterFilter,
  type DeadLetterService,
} from '@qcore/contracts'
import { readDatabase, writeDatabase, type Executor, type Pool } from '@qcore/database'
import { QError } from '@qcore/errors'
import { actionMessage, deadLetterKindMessage, deadLetterMessage } from '../dead-letter/dead-letter-message.ts'
import { listedStates, searchOf } from '../dead-letter/dead-letter-search.ts'
import { listActions, purgeDeadLetters, replayDeadLetters } from '../dead-letter/sql/act-on-dead-letters.ts'
import type { DeadLetterSearch } from '../dead-letter/sql/dead-letter-conditions.ts'
import { deadState, replayedState, replayingState } from '../dead-letter/sql/dead-letter-row.ts'
import {
  countDeadLetters,
  groupDeadLetters,
  loadDeadLetter,
  searchDeadLetters,
} from '../dead-letter/sql/search-dead-letters.ts'
import { loadSubscriptions } from '../delivery/sql/subscriptions.ts'

const defaultLimit = 100
const defaultActionLimit = 10_000

/** DeadLetterService: a statement a call. */
export function deadLetterHandlers(pool: Pool): ServiceImpl<typeof DeadLetterService> {
  return {
    async listDeadLetters({ filter, limit, cursor }, call) {
      const search = listedSearch(filter, call)
      const page = { before: cursor === '' ? undefined : Number(cursor), limit: limit === 0 ? defaultLimit : limit }
      const { rows, isCut } = await readDatabase(searchDeadLetters(pool, search, page))
      return { deadLetters: rows.map(deadLetterMessage), nextCursor: isCut ? String(rows.at(-1)?.id ?? '') : '' }
    },
    async getDeadLetter({ namespace, deadLetterId }, call) {
      const caller = callerOf(call)
      requireNamespace(caller, namespace, 'namespace')
      const named = { namespace, id: Number(deadLetterId) }
      const row = await readDatabase(loadDeadLetter(pool, named, visibleTagsOf(caller)))
      if (row !== undefined) return { deadLetter: deadLetterMessage(row) }
      throw new QError('unknown_dead_letter', `there is no dead letter ${deadLetterId} in ${namespace}`, {
        field: 'dead_letter_id',
      })
    },
    async groupDeadLetters({ filter, limit }, call) {
      const search = listedSearch(filter, call)
      const rows = await readDatabase(groupDeadLetters(pool, search, limit === 0 ? defaultLimit : limit))
      return { kinds: rows.map(deadLetterKindMessage) }
    },
    async replayDeadLetters({ filter, limit, perSecond, dryRun, toGroup }, call) {
      const action = actionOf(filter, { states: [deadState], limit, call })
      const wanted = { ...action, search: { ...action.search, toGroup } }
      if (filter?.group === '' && toGroup === '') {
        throw new QError('invalid_request', 'no group wants them: name the one that shall have them', {
          field: 'to_group',
        })
      }
      if (toGroup !== '') await assertGroup(pool, action.search.namespace, toGroup)
      if (dryRun) return { count: BigInt(await readDatabase(countDeadLetters(pool, wanted.search, wanted.limit))) }
      const pauseMs = perSecond === 0 ? 0 : 1_000 / perSecond
      const { id, count } = await writeDatabase(pool, (connection) =>
        replayDeadLetters(connection, wanted, { pauseMs, toGroup }),
      )
      return { count: BigInt(count), actionId: id === undefined ? '' : String(id) }
    },
    async purgeDeadLetters({ filter, limit, dryRun }, call) {
      const isReplaying = filter?.state === DeadLetterState.REPLAYING
      const states = isReplaying ? [replayingState] : [deadState, replayedState]
      const chosen = actionOf(filter, { states, limit, call })
      const action = { ...chosen, search: { ...chosen.search, isIdle: isReplaying } }
      if (dryRun) return { count: BigInt(await readDatabase(countDeadLetters(pool, action.search, action.limit))) }
      const { id, count } = await writeDatabase(pool, (connection) => purgeDeadLetters(connection, action))
      return { count: BigInt(count), actionId: id === undefined ? '' : String(id) }
    },
    async listDeadLetterActions({ namespace, limit }, call) {
      const caller = callerOf(call)
      requireNamespace(caller, namespace, 'namespace')
      const wanted = { namespace, visibleTags: visibleTagsOf(caller), limit: limit === 0 ? defaultLimit : limit }
      const rows = await readDatabase(listActions(pool, wanted))
      return { actions: rows.map(actionMessage) }
    },
  }
}

async function assertGroup(pool: Executor, namespace: string, group: string): Promise<void> {
  const subscriptions = await readDatabase(loadSubscriptions(pool, namespace))
  if (subscriptions.some((row) => row.group === group)) return
  throw new QError('invalid_request', `there is no group ${group} in ${namespace}`, { field: 'to_group' })
}

function actionOf(
  filter: DeadLetterFilter | undefined,
  { states, limit, call }: { states: readonly number[]; limit: number; call: HandlerContext },
) {
  const claims = callerOf(call)
  requireLevel(claims, AccessLevel.WRITE)
  assertScope(filter, call)
  const search = searchOf(filter, { states, caller: claims })
  const bytes = filter === undefined ? new Uint8Array() : toBinary(DeadLetterFilterSchema, filter)
  return { search, subject: claims.subject, filter: bytes, limit: limit === 0 ? defaultActionLimit : limit }
}

function listedSearch(filter: DeadLetterFilter | undefined, call: HandlerContext): DeadLetterSearch {
  assertScope(filter, call)
  return searchOf(filter, { states: filter === undefined ? [] : listedStates(filter), caller: callerOf(call) })
}

function assertScope(filter: DeadLetterFilter | undefined, call: HandlerContext): void {
  if (filter !== undefined) requireNamespace(callerOf(call), filter.namespace, 'filter.namespace')
}
