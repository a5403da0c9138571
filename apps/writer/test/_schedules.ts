import { randomUUID } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { createClient } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import {
  AccessLevel,
  MutationSchema,
  NamespaceService,
  PutScheduleSchema,
  type CommitResponse,
  type Mutation,
  type PutSchedule,
  type ScheduleKeySchema,
} from '@qcore/contracts'
import { createNatsTransport } from '@qcore/transport'
import { startWriter, type RunningWriter } from './_running-writer.ts'
import { authSecret } from './_writer-client.ts'

export type PutInit = Exclude<MessageInitShape<typeof PutScheduleSchema>, PutSchedule>
export type KeyInit = MessageInitShape<typeof ScheduleKeySchema>

export const dayUs = 86_400_000_000
export const hourUs = dayUs / 24

export interface OccurrenceRow {
  nominal_us: number
  due_us: number
  state: number
  reason: string
  schedule_revision: number
}

/** A writer of a store with the namespace `demo`, and what tests do with its schedules. */
export interface ScheduleWriter extends RunningWriter {
  commit(...mutations: Mutation[]): Promise<CommitResponse>
  /** Puts a schedule, and gives its id. */
  putNew(schedule: Partial<PutInit>): Promise<string>
  occurrencesOf(id: string): Promise<OccurrenceRow[]>
  scheduleRow(id: string): Promise<Record<string, unknown>>
  /** Adds an occurrence that was moved; both times are counted from now. */
  addMoved(id: string, times: { nominalUs: number; dueUs: number }): Promise<void>
}

const emit: PutInit['action'] = { kind: { case: 'emitEvent', value: { namespace: 'demo', type: 'tick' } } }

/** A mutation that puts a schedule: an event every day, unless something else is said. */
export function put(schedule: Partial<PutInit>): Mutation {
  const init: PutInit = { namespace: 'demo', rule: '0 0 * * *', action: emit, ...schedule }
  const value = create(PutScheduleSchema, init)
  return create(MutationSchema, { kind: { case: 'putSchedule', value } })
}

export function mutationOf(name: 'deleteSchedule' | 'pauseSchedule' | 'resumeSchedule', schedule: KeyInit): Mutation {
  return create(MutationSchema, { kind: { case: name, value: { schedule } } })
}

export async function startScheduleWriter(): Promise<ScheduleWriter> {
  const writer = await startWriter()
  await registerDemo(writer)
  const commit: ScheduleWriter['commit'] = (...mutations) => writer.commits.commit({ mutations })
  return {
    ...writer,
    commit,
    async putNew(schedule) {
      const { results } = await commit(put(schedule))
      return results[0]?.scheduleId ?? ''
    },
    async occurrencesOf(id) {
      const { rows } = await writer.pool.query<OccurrenceRow>(
        'select nominal_us, due_us, state, reason, schedule_revision from occurrence where schedule_id = $1 order by 1',
        [id],
      )
      return rows
    },
    async scheduleRow(id) {
      const { rows } = await writer.pool.query<Record<string, unknown>>('select * from schedule where id = $1', [id])
      return rows[0] ?? {}
    },
    async addMoved(id, { nominalUs, dueUs }) {
      const text = `
        insert into occurrence (
          id, schedule_id, nominal_us, last_nominal_us, due_us, wake_us, state, cause, schedule_revision, created_us)
        select $2, id, now_us + $3, now_us + $3, now_us + $4, now_us + $4, 1, 1, revision, now_us
        from schedule, (select (extract(epoch from now()) * 1000000)::bigint as now_us) as present where id = $1`
      await writer.pool.query(text, [id, randomUUID(), nominalUs, dueUs])
    },
  }
}

async function registerDemo({ connection, store }: RunningWriter): Promise<void> {
  const claims = { subject: 'ada', level: AccessLevel.WRITE, scopes: [], lifetimeSeconds: 600 }
  const { token } = await mintToken(authSecret, claims)
  const transport = createNatsTransport({
    connection,
    store,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${token}`)
        return next(request)
      },
    ],
  })
  await createClient(NamespaceService, transport).registerNamespace({ name: 'demo' })
}
