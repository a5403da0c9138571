import { create } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import { callerOf, namespacesOf, visibleTagsOf, type Claims } from '@qcore/access'
import {
  ListOccurrencesResponseSchema,
  OccurrenceSchema,
  type ListOccurrencesRequest,
  type ListOccurrencesResponse,
  type OccurrenceService,
} from '@qcore/contracts'
import { readDatabase, type Executor } from '@qcore/database'
import { QError } from '@qcore/errors'
import { microsFromTimestamp } from '@qcore/model'
import type { SchedulerContext } from '../context.ts'
import { firstPage } from '../message/first-page.ts'
import { occurrenceMessage } from '../message/occurrence-message.ts'
import { readCursor, writeCursor } from '../message/page-cursor.ts'
import { loadSchedule } from '../sql/schedules.ts'
import { countOccurrences, listOccurrences, loadAttempts, loadOccurrence } from '../sql/occurrences.ts'
import { anySchedule, maySeeSchedule } from './named-schedule.ts'

const defaultLimit = 100

/** What reads occurrences, as PostgreSQL has them now. */
export function occurrenceReadHandlers({
  pool,
}: Pick<SchedulerContext, 'pool'>): Pick<ServiceImpl<typeof OccurrenceService>, 'getOccurrence' | 'listOccurrences'> {
  return {
    async getOccurrence({ occurrenceId }, context) {
      const row = await readDatabase(loadOccurrence(pool, occurrenceId))
      const schedule = row && (await readDatabase(loadSchedule(pool, { id: row.scheduleId, namespace: '', name: '' })))
      const isHidden = schedule !== undefined && !maySeeSchedule(callerOf(context), schedule)
      if (row === undefined || isHidden) {
        throw new QError('unknown_occurrence', 'there is no such occurrence', { field: 'occurrence_id' })
      }
      return { occurrence: occurrenceMessage(row, await readDatabase(loadAttempts(pool, row.id))) }
    },
    listOccurrences: (request, context) => list(pool, request, callerOf(context)),
  }
}

async function list(pool: Executor, request: ListOccurrencesRequest, caller: Claims): Promise<ListOccurrencesResponse> {
  const { tags, matchAllTags, states, fromTime, toTime, cursor, includeDeleted, namespace, anyTags } = request
  const limit = request.limit || defaultLimit
  const after = readCursor(cursor)
  const scheduleId = request.schedule === undefined ? undefined : (await anySchedule(pool, request.schedule, caller)).id
  const filter = {
    scheduleId,
    tags,
    matchAllTags,
    states,
    fromUs: fromTime === undefined ? undefined : Number(microsFromTimestamp(fromTime, 'from_time')),
    toUs: toTime === undefined ? undefined : Number(microsFromTimestamp(toTime, 'to_time')),
    namespaces: namespacesOf(caller),
    visibleTags: visibleTagsOf(caller),
    includeDeleted: includeDeleted || scheduleId !== undefined,
    namespace: namespace === '' ? undefined : namespace,
    anyTags,
  }
  const asked = {
    after: after === undefined ? undefined : { nominalUs: after.us, id: after.id },
    skip: after === undefined ? request.skip : 0,
    limit: limit + 1,
  }
  const rows = await readDatabase(listOccurrences(pool, filter, asked))
  const total = request.countAll ? await readDatabase(countOccurrences(pool, filter)) : 0
  const messages = rows.map((row) => occurrenceMessage(row))
  const { page, hasMore } = firstPage(OccurrenceSchema, messages, limit)
  const last = rows[page.length - 1]
  const nextCursor = hasMore && last !== undefined ? writeCursor({ us: last.nominalUs, id: last.id }) : ''
  return create(ListOccurrencesResponseSchema, { occurrences: page, nextCursor, total: BigInt(total) })
}
