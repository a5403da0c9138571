import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { CatchUpPolicy, OccurrenceState, OverlapPolicy } from '@qcore/contracts'
import { openFaultProxy, type FaultProxy } from '@qcore/fault-proxy'
import { fromConnectError } from '@qcore/transport'
import { inject, expect, it, vi } from 'vitest'
import { planSchedule } from '../src/plan/plan-schedule.ts'
import { readRuleSpec, readSettingsOf } from '../src/schedule-settings.ts'
import { loadSchedulesToPlan, storePlans } from '../src/sql/plan-schedules.ts'
import { countStates, emitTick, patience, SchedulerProcess, startStore, type TestStore } from './_store.ts'

/** A lease that ends while a test waits. */
const shortLease = { Q_SCHEDULER_LEASE_MS: '2000', Q_WEBHOOK_TIMEOUT_MS: '1000' }

/** Waits until a schedule, which is then paused, has emitted so much; then every tick must be there once. */
async function expectEveryTickOnce(store: TestStore, id: string, least: number): Promise<void> {
  await vi.waitFor(async () => expect((await store.eventsOf(id)).length).toBeGreaterThanOrEqual(least), patience)
  await store.commits.commit({ mutations: [{ kind: { case: 'pauseSchedule', value: { schedule: { id } } } }] })
  const open = 'select count(*)::int as count from occurrence where schedule_id = $1 and state < 4'
  await vi.waitFor(async () => {
    const { rows } = await store.pool.query<{ count: number }>(open, [id])
    expect(rows[0]?.count).toBe(0)
  }, patience)
  const { rows } = await store.pool.query<{ seconds: number; state: number }>(
    'select (nominal_us / 1000000)::int as seconds, state from occurrence where schedule_id = $1 order by 1',
    [id],
  )
  const fired = rows.filter(({ state }) => state === OccurrenceState.COMPLETED)
  expect(await store.eventsOf(id)).toHaveLength(fired.length)
  // What was planned for after the pause is skipped; before it nothing is left out.
  const due = rows.slice(0, fired.length)
  expect(due.every(({ state }) => state === OccurrenceState.COMPLETED)).toBe(true)
  expect(due.map(({ seconds }) => seconds)).toEqual(due.map((_, index) => (due[0]?.seconds ?? 0) + index))
}

const everySecond = { rule: '@every 1s', catchUp: CatchUpPolicy.ALL, catchUpLimit: 1_000 }

it('three schedulers emit one event a tick, while one after the other is killed', async () => {
  await using store = await startStore()
  await using opened = new AsyncDisposableStack()
  const start = (): SchedulerProcess => opened.use(new SchedulerProcess({ ...store.env, ...shortLease }))
  const schedulers = [start(), start(), start()]
  const id = await store.put(everySecond)
  for (let killed = 0; killed < 3; killed++) {
    const before = (await store.eventsOf(id)).length
    await vi.waitFor(async () => expect((await store.eventsOf(id)).length).toBeGreaterThan(before + 1), patience)
    await schedulers[killed]?.kill()
    start()
  }
  await expectEveryTickOnce(store, id, (await store.eventsOf(id)).length + 2)
})

it.each(['scheduler.after_claim', 'scheduler.after_begin', 'scheduler.after_action'])(
  'a scheduler that dies at %s leaves its occurrence to another one, and there is one event',
  async (place) => {
    await using store = await startStore()
    const file = await armedFile(place)
    await using dying = new SchedulerProcess({ ...store.env, ...shortLease, Q_FAILPOINTS: file })
    const ready = await store.put({ rule: new Date(Date.now() + 100).toISOString() })
    await vi.waitFor(async () => expect(await store.eventsOf(ready)).toHaveLength(1), patience)
    dying.child.kill('SIGUSR2')
    const id = await store.put({ rule: new Date(Date.now() + 1_000).toISOString() })
    await vi.waitFor(() => expect(dying.child.signalCode).toBe('SIGKILL'), patience)
    await using _heir = new SchedulerProcess({ ...store.env, ...shortLease })
    await vi.waitFor(
      async () => expect(countStates(await store.list(id))).toEqual({ [OccurrenceState.COMPLETED]: 1 }),
      patience,
    )
    expect(await store.eventsOf(id)).toHaveLength(1)
  },
)

it('an event is known to be emitted by a scheduler that died, though its schedule emits another one now', async () => {
  await using store = await startStore()
  const file = await armedFile('scheduler.after_action')
  await using dying = new SchedulerProcess({ ...store.env, ...shortLease, Q_FAILPOINTS: file })
  const ready = await store.put({ rule: new Date(Date.now() + 100).toISOString() })
  await vi.waitFor(async () => expect(await store.eventsOf(ready)).toHaveLength(1), patience)
  dying.child.kill('SIGUSR2')
  const rule = new Date(Date.now() + 1_000).toISOString()
  const id = await store.put({ rule })
  await vi.waitFor(() => expect(dying.child.signalCode).toBe('SIGKILL'), patience)
  const value = { namespace: 'demo', type: 'tock', payload: '{"n":2}' }
  await store.put({ id, rule, action: { kind: { case: 'emitEvent', value } } })
  await using _heir = await store.startScheduler(shortLease)
  await vi.waitFor(async () => {
    const { rows } = await store.pool.query('select state, reason from occurrence where schedule_id = $1', [id])
    expect(rows).toEqual([{ state: OccurrenceState.COMPLETED, reason: '' }])
  }, patience)
  expect(await store.eventsOf(id)).toMatchObject([{ type: 'tick' }])
})

it('a scheduler that stands still for longer than its lease emits nothing twice when it goes on', async () => {
  await using store = await startStore()
  await using still = new SchedulerProcess({ ...store.env, ...shortLease })
  const id = await store.put(everySecond)
  await vi.waitFor(async () => expect((await store.eventsOf(id)).length).toBeGreaterThan(0), patience)
  still.child.kill('SIGSTOP')
  await using _other = new SchedulerProcess({ ...store.env, ...shortLease })
  const before = (await store.eventsOf(id)).length
  await vi.waitFor(async () => expect((await store.eventsOf(id)).length).toBeGreaterThan(before + 3), patience)
  still.child.kill('SIGCONT')
  await expectEveryTickOnce(store, id, (await store.eventsOf(id)).length + 2)
})

it.each<['Q_POSTGRES_ADDR' | 'Q_NATS_ADDR', 'cut' | 'hold']>([
  ['Q_POSTGRES_ADDR', 'cut'],
  ['Q_POSTGRES_ADDR', 'hold'],
  ['Q_NATS_ADDR', 'cut'],
  ['Q_NATS_ADDR', 'hold'],
])('ticks while the scheduler has lost %s (%s) are caught up with, each once', async (name, fault) => {
  await using store = await startStore()
  await using proxy: FaultProxy = await openFaultProxy(inject(name === 'Q_NATS_ADDR' ? 'natsUrl' : 'postgresUrl'))
  await using _scheduler = await store.startScheduler({ ...shortLease, [name]: proxy.url })
  const id = await store.put(everySecond)
  await vi.waitFor(async () => expect((await store.eventsOf(id)).length).toBeGreaterThan(0), patience)
  const lost = (await store.eventsOf(id)).length
  if (fault === 'cut') proxy.cut()
  else proxy.hold()
  const clock = 'select (extract(epoch from now()) * 1000)::bigint as ms'
  const nowMs = async (): Promise<number> => Number((await store.pool.query<{ ms: number }>(clock)).rows[0]?.ms)
  const since = await nowMs()
  await vi.waitFor(async () => expect((await nowMs()) - since).toBeGreaterThan(4_000), patience)
  proxy.restore()
  await expectEveryTickOnce(store, id, lost + 4)
})

it('a backfill whose scheduler loses PostgreSQL on the way is in doubt, and not called undone', async () => {
  await using store = await startStore()
  await using proxy = await openFaultProxy(inject('postgresUrl'))
  await using _scheduler = await store.startScheduler({ Q_POSTGRES_ADDR: proxy.url })
  const id = await store.put({ rule: '0 * * * *', paused: true })
  const fromTime = timestampFromMs(Date.parse('2026-01-01T00:00:00Z'))
  const toTime = timestampFromMs(Date.parse('2026-01-01T03:00:00Z'))
  const holder = await store.pool.connect()
  try {
    await holder.query('begin')
    const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
    await holder.query('lock table occurrence in exclusive mode')
    const told = store.schedules.backfillSchedule({ schedule: { id }, fromTime, toTime }).catch(fromConnectError)
    const waiting = `select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)) and query like '%several as (%'`
    await vi.waitFor(async () => expect((await store.pool.query(waiting, [rows[0]?.pid])).rowCount).toBe(1), patience)
    proxy.cut()
    expect(await told).toMatchObject({ code: 'outcome_unknown' })
  } finally {
    await holder.query('rollback')
    holder.release()
    proxy.restore()
  }
})

/** Waits until a connection holds somebody up. */
async function untilBlocking(store: TestStore, { rows }: { rows: { pid: number }[] }): Promise<void> {
  const text = 'select count(*)::int as count from pg_stat_activity where $1 = any(pg_blocking_pids(pid))'
  await vi.waitFor(async () => {
    const blocked = await store.pool.query<{ count: number }>(text, [rows[0]?.pid])
    expect(blocked.rows[0]?.count).toBeGreaterThan(0)
  }, patience)
}

const ownPid = 'select pg_backend_pid() as pid'

it('a scheduler that stands still in a transaction holds up no commit for long', async () => {
  await using store = await startStore()
  await using scheduler = new SchedulerProcess(store.env)
  const id = await store.put({ rule: '@every 1s', overlap: OverlapPolicy.SKIP })
  await vi.waitFor(async () => expect((await store.eventsOf(id)).length).toBeGreaterThan(0), patience)
  const connection = await store.pool.connect()
  try {
    await connection.query('begin')
    await connection.query('select from schedule where id = $1 for update', [id])
    await untilBlocking(store, await connection.query<{ pid: number }>(ownPid))
    scheduler.child.kill('SIGSTOP')
  } finally {
    await connection.query('rollback')
    connection.release()
  }
  const pause = { mutations: [{ kind: { case: 'pauseSchedule' as const, value: { schedule: { id } } } }] }
  await store.commits.commit(pause, { timeoutMs: 15_000 })
  expect((await store.pool.query('select from schedule where id = $1 and state = 2', [id])).rowCount).toBe(1)
})

it('what was being planned by a rule while it was changed does not fire', async () => {
  await using store = await startStore()
  const id = await store.put({ rule: '@every 1s' })
  const connection = await store.pool.connect()
  try {
    await connection.query('begin')
    const [schedule] = await loadSchedulesToPlan(connection, { aheadMs: 60_000, limit: 1 })
    if (schedule === undefined) throw new Error('nothing is to be planned')
    const { nowUs } = schedule
    const settings = readSettingsOf(schedule.definition)
    const horizonUs = nowUs + 4_000_000
    const plan = planSchedule(readRuleSpec(schedule.ruleSpec), schedule, { settings, nowUs, horizonUs })
    expect(await storePlans(connection, [{ schedule, ...plan }])).toBe(1)
    const changed = store.put({ id, rule: '0 0 1 1 *' })
    await untilBlocking(store, await connection.query<{ pid: number }>(ownPid))
    await connection.query('commit')
    await changed
  } finally {
    connection.release()
  }
  await using _scheduler = await store.startScheduler()
  const states = await vi.waitFor(async () => {
    const { rows } = await store.pool.query<{ state: number; reason: string }>(
      `select occurrence.state, reason from occurrence join schedule on schedule.id = schedule_id
       where schedule_revision < schedule.revision and nominal_us > changed_us`,
    )
    for (const { state } of rows) expect(state).toBeGreaterThanOrEqual(OccurrenceState.COMPLETED)
    return rows
  }, patience)
  expect(states.length).toBeGreaterThan(1)
  expect(states).toEqual(states.map(() => ({ state: OccurrenceState.CANCELLED, reason: 'changed' })))
})

it('schedules whose plans are too much for one statement are planned by fewer at a time', async () => {
  await using store = await startStore()
  const value = { namespace: 'demo', rule: '0 0 1 1 *', action: emitTick }
  const mutations = Array.from({ length: 40 }, () => ({ kind: { case: 'putSchedule' as const, value } }))
  await store.commits.commit({ mutations })
  // Larger statements fail, as those do that take too long.
  await store.pool.query(`
    create function refuse_many() returns trigger language plpgsql as $$
      begin
        if (select count(*) from added) > 30 then raise exception 'too many rows'; end if;
        return null;
      end $$;
    create trigger refuse_many after insert on occurrence referencing new table as added
      for each statement execute function refuse_many();
    update schedule set plan_us = 0`)
  await using _scheduler = await store.startScheduler()
  await vi.waitFor(async () => {
    const text = 'select count(*)::int as count from occurrence'
    const { rows } = await store.pool.query<{ count: number }>(text)
    expect(rows[0]?.count).toBe(80)
  }, patience)
})

it('after a time without any scheduler the policy decides, and every tick is accounted for', async () => {
  await using store = await startStore()
  const id = await store.put({ rule: '@every 1s', catchUp: CatchUpPolicy.LAST, grace: { seconds: 0n } })
  const skipping = await store.put({ rule: '@every 1s', grace: { seconds: 0n } })
  await store.pool.query('update schedule set planned_us = planned_us - 600000000')
  const nominal =
    'update occurrence set nominal_us = nominal_us - 600000000, last_nominal_us = last_nominal_us - 600000000'
  await store.pool.query(`${nominal}, due_us = due_us - 600000000, wake_us = wake_us - 600000000`)
  await using _scheduler = await store.startScheduler()
  await vi.waitFor(async () => expect((await store.eventsOf(id)).length).toBeGreaterThan(1), patience)
  const { rows } = await store.pool.query<{ seconds: number; size: number; state: number; cause: number }>(
    `select (nominal_us / 1000000)::int as seconds, size, state, cause from occurrence where schedule_id = $1
     order by nominal_us`,
    [id],
  )
  expect(rows.map(({ seconds }) => seconds)).toEqual(rows.map((_, index) => (rows[0]?.seconds ?? 0) + index))
  const missed = rows.filter(({ state }) => state === OccurrenceState.MISSED)
  expect(missed.length).toBeGreaterThanOrEqual(598)
  expect(rows.slice(0, missed.length).every(({ state }) => state === OccurrenceState.MISSED)).toBe(true)
  expect(rows[missed.length]?.cause).toBe(3)
  const states = countStates(await store.list(skipping))
  expect(states[OccurrenceState.MISSED]).toBeGreaterThanOrEqual(598)
})

async function armedFile(place: string): Promise<string> {
  const file = `${await mkdtemp(`${tmpdir()}/qcore-scheduler-`)}/failpoint`
  await writeFile(file, place)
  return file
}
