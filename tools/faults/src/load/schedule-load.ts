import { connect, type Client, type ScheduleInput } from '@qcore/client'
import type { Cluster } from '../cluster/cluster.ts'
import { until } from '../faults/until.ts'
import { dumpOccurrences, dumpTicks } from '../history/dump-schedules.ts'
import type { OccurrenceEnd, ScheduleExpectation, ScheduleRecord } from '../history/schedule-record.ts'
import { breaks, misconducts, takesItsTime } from './receiver-conduct.ts'
import { WebhookReceiver, type ReceiverPlan } from './webhook-receiver.ts'

const namespace = 'faults'
/** Time until the first occurrences: all schedules are made by then, also on a busy machine. */
const leadMs = 3_000
const secondMs = 1_000
const firstWithinMs = 20_000
const busyWithinMs = 10_000
/** What was due is over, and what was under way at the end, after so long at most. */
const settleWithinMs = 30_000
const callMs = 20_000
/** So often an occurrence may be tried whose schedulers are lost while they are at it. */
const manyAttempts = 20
const webhookCount = 4
const fewAttempts = 3

/** A schedule to make, with what is to be expected of it. */
interface Plan {
  readonly name: string
  readonly action: ScheduleInput['action']
  readonly everyMs: number
  readonly count?: number
  readonly ends?: readonly OccurrenceEnd[]
  readonly maxAttempts?: number
  readonly more?: Partial<ScheduleInput>
}

/** The schedules of a run, and the receivers of their webhooks. Disposing closes the receivers. */
export interface ScheduleLoad extends AsyncDisposable {
  /** Waits until every schedule has fired. */
  underWay(): Promise<boolean>
  /** The scheduler that has most attempts under way, and how many; waits until one has some. */
  busiest(): Promise<{ readonly scheduler: string; readonly count: number } | undefined>
  /** How many occurrences are completed so far. */
  completed(): Promise<number>
  /** Waits until all that is due is over, and pauses the schedules. Says what did not come to its end in time. */
  settle(): Promise<readonly string[]>
  record(): Promise<ScheduleRecord>
}

export interface ScheduleLoadOptions {
  /** Whether there are receivers that do wrong. */
  readonly hasBadReceivers: boolean
}

/** Makes schedules that fire every second or two, from a few seconds on. */
export async function startScheduleLoad(cluster: Cluster, options: ScheduleLoadOptions): Promise<ScheduleLoad> {
  await using parts = new AsyncDisposableStack()
  const { pool, gatewayUrl, token } = cluster
  const q = parts.use(await connect({ url: gatewayUrl, token, timeoutMs: callMs }))
  await q.events.registerNamespace(namespace)
  const receivers: WebhookReceiver[] = []
  const open: OpenReceiver = async (plan) => {
    const receiver = parts.use(await WebhookReceiver.open(plan))
    receivers.push(receiver)
    return receiver.url
  }
  const plans = [
    ...tickPlans(),
    ...(await webhookPlans(open)),
    ...(options.hasBadReceivers ? await badPlans(open) : []),
  ]
  const firstMs = Math.ceil(((await readClockMs(cluster)) + leadMs) / (2 * secondMs)) * 2 * secondMs
  const made = await Promise.all(plans.map((plan) => make(q, plan, firstMs)))
  const opened = parts.move()
  let settledMs = firstMs
  return {
    underWay: async () => (await until(() => haveFired(cluster, made.length), firstWithinMs)) ?? false,
    busiest: () => until(() => findBusiest(cluster), busyWithinMs),
    completed: () => countCompleted(cluster),
    settle: async () => {
      settledMs = await readClockMs(cluster)
      const late = (await until(() => isOver(cluster, settledMs), settleWithinMs)) !== true
      await Promise.all(made.map(({ id }) => q.schedules.pause(id)))
      const open = (await until(() => isOver(cluster, Infinity), settleWithinMs)) !== true
      return [
        ...(late ? [`all that was due is over within ${settleWithinMs / 1_000} s`] : []),
        ...(open ? ['nothing is left to do when all schedules are paused'] : []),
      ]
    },
    record: async () => ({
      schedules: made.map((each) => ({ ...each, settledMs })),
      occurrences: await dumpOccurrences(pool),
      events: await dumpTicks(pool, namespace),
      requests: receivers.flatMap(({ requests }) => requests),
    }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

type OpenReceiver = (plan: ReceiverPlan) => Promise<string>

/** Schedules of events: all that was late is caught up with, or nothing is. */
function tickPlans(): Plan[] {
  const action = { emit: { namespace, type: 'tick', correlationId: '{occurrence}' } }
  return [
    { name: 'tick', action, everyMs: secondMs },
    { name: 'cron tick', action, everyMs: 2 * secondMs, more: { rule: { cron: '*/2 * * * * *' } } },
    {
      name: 'tick in time',
      action,
      everyMs: secondMs,
      ends: ['completed', 'missed'],
      more: { catchUp: 'skip', graceMs: 0 },
    },
  ]
}

/** Several to a receiver that takes its time, so that something is under way at nearly every moment. */
async function webhookPlans(open: OpenReceiver): Promise<Plan[]> {
  const url = await open({ name: 'good', conduct: takesItsTime })
  const numbers = Array.from({ length: webhookCount }, (_, index) => index + 1)
  return numbers.map((n) => ({ name: `webhook ${n}`, action: { webhook: { url } }, everyMs: secondMs }))
}

async function badPlans(open: OpenReceiver): Promise<Plan[]> {
  const plans: Plan[] = []
  for (const [name, misconduct] of Object.entries(misconducts)) {
    const url = await open({ name, misconduct })
    plans.push({ name: `webhook to one that ${name}`, action: { webhook: { url } }, everyMs: 2 * secondMs })
  }
  const url = await open({ name: 'always broken', misconduct: breaks, wrongTimes: Infinity })
  const count = 2
  const refused = { everyMs: secondMs, count, ends: ['failed'], maxAttempts: fewAttempts } as const
  return [...plans, { name: 'webhook to one that is always broken', action: { webhook: { url } }, ...refused }]
}

/** Makes a schedule. What is to be expected of it is said without its rule. */
async function make(
  q: Client,
  { name, action, everyMs, count, ends = ['completed'], maxAttempts = manyAttempts, more = {} }: Plan,
  firstMs: number,
): Promise<Omit<ScheduleExpectation, 'settledMs'>> {
  const { rule = { every: `${everyMs / secondMs}s` }, ...rest } = more
  const start = new Date(firstMs).toISOString()
  const bounds = { start, ...(count === undefined ? {} : { count }) }
  const { id } = await q.schedules.put({
    namespace,
    name,
    rule: { ...(rule as Record<string, unknown>), ...bounds },
    action,
    catchUp: 'all',
    catchUpLimit: 1_000,
    retry: { maxAttempts, backoffMs: 200, maxBackoffMs: 1_000 },
    ...rest,
  })
  const kind = 'webhook' in action ? 'webhook' : 'event'
  return { id, name, action: kind, firstMs, everyMs, ends, maxAttempts, ...(count === undefined ? {} : { count }) }
}

async function readClockMs({ pool }: Cluster): Promise<number> {
  const text = 'select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as ms'
  const { rows } = await pool.query<{ ms: number }>(text)
  return rows[0]?.ms ?? 0
}

async function haveFired({ pool }: Cluster, count: number): Promise<true | undefined> {
  const text = 'select count(distinct schedule_id)::int as count from occurrence where attempts > 0'
  const { rows } = await pool.query<{ count: number }>(text)
  return rows[0]?.count === count || undefined
}

async function findBusiest({ pool }: Cluster): Promise<{ scheduler: string; count: number } | undefined> {
  const { rows } = await pool.query<{ scheduler: string; count: number }>(
    `select scheduler, count(*)::int as count from occurrence_attempt where ended_us is null group by 1 order by 2 desc limit 1`,
  )
  return rows[0]
}

async function countCompleted({ pool }: Cluster): Promise<number> {
  const { rows } = await pool.query<{ count: number }>('select count(*)::int as count from occurrence where state = 4')
  return rows[0]?.count ?? 0
}

/** Whether every occurrence up to a time has its row, and is over. */
async function isOver({ pool }: Cluster, untilMs: number): Promise<true | undefined> {
  const { rows } = await pool.query<{ isOver: boolean }>(
    `select not exists (select from occurrence where state < 4 and nominal_us <= $1::float8)
       and not exists (select from schedule where state = 1 and plan_us is not null and planned_us < $1::float8) as "isOver"`,
    [untilMs * 1_000],
  )
  return rows[0]?.isOver === true || undefined
}
