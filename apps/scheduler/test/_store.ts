import { randomBytes } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { createClient, type Client, type Transport } from '@connectrpc/connect'
import { mintToken } from '@qcore/access'
import {
  AccessLevel,
  CommitService,
  NamespaceService,
  OccurrenceService,
  ScheduleService,
  type Occurrence,
  type PutSchedule,
  type PutScheduleSchema,
  type Schedule,
} from '@qcore/contracts'
import { openPool, type Pool } from '@qcore/database'
import { launch } from '@qcore/launcher'
import { createLogger, openNats, readSettings, type Service } from '@qcore/service'
import { createNatsTransport } from '@qcore/transport'
import { inject, vi } from 'vitest'
import { createScheduler, schedulerVariables } from '../src/service.ts'

export type PutInit = Exclude<MessageInitShape<typeof PutScheduleSchema>, PutSchedule>

/** How long tests wait for what surely comes, on a busy machine. */
export const patience = { timeout: 40_000, interval: 50 }

/** An event that a schedule emitted. */
export interface EmittedEvent {
  revision: number
  type: string
  payload: string
  producer: string
  correlation_id: string
}

/** A store of its own with a writer, and what tests use to look at it. */
export interface TestStore extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  readonly pool: Pool
  readonly schedules: Client<typeof ScheduleService>
  readonly occurrences: Client<typeof OccurrenceService>
  readonly commits: Client<typeof CommitService>
  transportOf(level: AccessLevel, scopes?: readonly string[]): Promise<Transport>
  /** Has another writer lead, which knows nothing of what the one before had in memory. */
  restartWriter(): Promise<void>
  /** Does something while no writer is there. */
  withoutWriter(work: () => Promise<void>): Promise<void>
  /** Starts a scheduler in this process. */
  startScheduler(env?: Record<string, string>): Promise<Service>
  put(schedule: Partial<PutInit>): Promise<string>
  read(id: string): Promise<Schedule>
  list(id: string): Promise<Occurrence[]>
  eventsOf(id: string): Promise<EmittedEvent[]>
}

export const emitTick: NonNullable<PutInit['action']> = {
  kind: { case: 'emitEvent', value: { namespace: 'demo', type: 'tick', payload: '{"n":1}' } },
}

/** @param env of the writer */
export async function startStore(env: Record<string, string> = {}): Promise<TestStore> {
  await using opened = new AsyncDisposableStack()
  const store = `test_${randomBytes(6).toString('hex')}`
  const common = {
    Q_STORE: store,
    Q_POSTGRES_ADDR: inject('postgresUrl'),
    Q_NATS_ADDR: inject('natsUrl'),
    Q_AUTH_SECRET: randomBytes(24).toString('hex'),
    Q_MASTER_TOKEN: randomBytes(24).toString('hex'),
    Q_LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent',
  }
  const startWriter = () => launch({ ...common, ...env, Q_MODES: 'writer' })
  let writer = await startWriter()
  opened.defer(() => writer[Symbol.asyncDispose]())
  const pool = openPool({ address: inject('postgresUrl'), store, applicationName: 'test', max: 4 }, () => undefined)
  opened.defer(() => pool.end())
  const connection = await openNats(inject('natsUrl'), { name: 'test' })
  opened.defer(() => connection.close())
  const transportOf = async (level: AccessLevel, scopes: readonly string[] = []): Promise<Transport> => {
    const claims = { subject: 'tester', level, scopes, lifetimeSeconds: 3_600 }
    const { token } = await mintToken(common.Q_AUTH_SECRET, claims)
    return createNatsTransport({
      connection,
      store,
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', `Bearer ${token}`)
          return next(request)
        },
      ],
    })
  }
  const transport = await transportOf(AccessLevel.WRITE)
  const commits = createClient(CommitService, transport)
  const schedules = createClient(ScheduleService, transport)
  const occurrences = createClient(OccurrenceService, transport)
  const namespaces = createClient(NamespaceService, transport)
  await vi.waitFor(() => namespaces.registerNamespace({ name: 'demo' }), patience)
  const put = async (schedule: Partial<PutInit>): Promise<string> => {
    const value: PutInit = { namespace: 'demo', rule: '@every 1s', action: emitTick, ...schedule }
    const { results } = await commits.commit({ mutations: [{ kind: { case: 'putSchedule', value } }] })
    return results[0]?.scheduleId ?? ''
  }
  const owned = opened.move()
  return {
    env: common,
    pool,
    schedules,
    occurrences,
    commits,
    transportOf,
    restartWriter: async () => {
      await writer[Symbol.asyncDispose]()
      writer = await startWriter()
    },
    withoutWriter: async (work) => {
      await writer[Symbol.asyncDispose]()
      try {
        await work()
      } finally {
        writer = await startWriter()
      }
    },
    startScheduler: (more = {}) => startScheduler({ ...common, ...more }),
    put,
    read: async (id) => {
      const { schedule } = await schedules.getSchedule({ schedule: { id } })
      if (schedule === undefined) throw new Error('no schedule')
      return schedule
    },
    list: async (id) => {
      const found: Occurrence[] = []
      for (let cursor = ''; ;) {
        const page = await occurrences.listOccurrences({ schedule: { id }, cursor, limit: 1_000 })
        found.push(...page.occurrences)
        cursor = page.nextCursor
        if (cursor === '') return found.reverse()
      }
    },
    eventsOf: async (id) => {
      const text =
        'select revision, type, payload, producer, correlation_id from event where correlation_id = $1 order by revision'
      const { rows } = await pool.query<EmittedEvent>(text, [id])
      return rows
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function startScheduler(env: Record<string, string>): Promise<Service> {
  const instanceId = `test-${randomBytes(4).toString('hex')}`
  const config = readSettings(schedulerVariables, { Q_INSTANCE_ID: instanceId, ...env })
  const level = env['Q_LOG_LEVEL'] === undefined ? 'silent' : config.logLevel
  return createScheduler(config, { logger: createLogger({ service: 'scheduler', level, instanceId }) })
}

const main = new URL('../src/main.ts', import.meta.url).pathname

/** A scheduler in a process of its own, that can be killed and stopped. */
export class SchedulerProcess implements AsyncDisposable {
  readonly child: ChildProcess

  constructor(env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [main], {
      env: { PATH: process.env['PATH'], ...env, Q_INSTANCE_ID: `process-${randomBytes(4).toString('hex')}` },
      stdio: 'inherit',
    })
  }

  async kill(): Promise<void> {
    const { child } = this
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

/** The numbers of states by how many occurrences have them. */
export function countStates(occurrences: readonly Occurrence[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state, size } of occurrences.map((each) => ({ ...each, size: Number(each.count) }))) {
    counts[state] = (counts[state] ?? 0) + size
  }
  return counts
}
