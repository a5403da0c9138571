import type { Attempt, Occurrence } from '@qcore/client'
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { parseTime, type Time } from '../moment.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'
import { parseSchedule, scheduleHelp } from '../schedule-argument.ts'

/** What concerns the occurrences of schedules. */
export function addScheduleRuns(schedules: Command, io: Io): void {
  schedules
    .command('occurrences')
    .description('show what became of the times of a schedule, the newest first; or of all')
    .argument('[schedule]', scheduleHelp)
    .option('--limit <number>', 'at most so many', '20')
    .action((schedule: string | undefined, { limit }: { limit: string }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const rows: string[][] = []
        const query = { limit: Number(limit), ...(schedule === undefined ? {} : { schedule: parseSchedule(schedule) }) }
        for await (const each of q.schedules.occurrences(query, { signal: io.signal })) {
          if (json) await outJson(io, jsonOf(each))
          else rows.push(rowOf(each))
        }
        if (rows.length > 0) await io.out(aligned([header, ...rows]))
      }),
    )
  schedules
    .command('occurrence')
    .description('show an occurrence with its attempts')
    .argument('<id>', 'its id')
    .action((id: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const found = await q.schedules.occurrence(id)
        if (json) return outJson(io, jsonOf(found))
        return io.out(aligned([header, rowOf(found), ...found.attempts.map(attemptRow)]))
      }),
    )
  schedules
    .command('run')
    .description('run a schedule now, once')
    .argument('<schedule>', scheduleHelp)
    .option('--key <key>', 'with the same one it runs once')
    .action((schedule: string, { key }: { key?: string }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const options = key === undefined ? {} : { idempotencyKey: key }
        const occurrence = await q.schedules.run(parseSchedule(schedule), options)
        if (json) await outJson(io, jsonOf(occurrence))
        else await io.out(`${occurrence.id}\n`)
      }),
    )
  schedules
    .command('backfill')
    .description('run what a schedule had, or would have had, in a span of the past')
    .argument('<schedule>', scheduleHelp)
    .argument('<from>', 'the first time', parseTime)
    .argument('<to>', 'the time that all are before', parseTime)
    .option('--completed', 'also what completed')
    .action(
      (schedule: string, from: Time, to: Time, { completed = false }: { completed?: boolean }, command: Command) =>
        withSession(command, io, async ({ q, json }) => {
          const count = await q.schedules.backfill(parseSchedule(schedule), { from, to, includeCompleted: completed })
          if (json) await outJson(io, { count })
          else await io.out(`${count} occurrences\n`)
        }),
    )
  schedules
    .command('explain')
    .description('say why a schedule did or did not run at a time')
    .argument('<schedule>', scheduleHelp)
    .argument('<time>', 'the time of the rule', parseTime)
    .action((schedule: string, time: Time, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const text = await q.schedules.explain(parseSchedule(schedule), time)
        if (json) await outJson(io, { text })
        else await io.out(`${text}\n`)
      }),
    )
  schedules
    .command('cancel')
    .description('take one occurrence back')
    .argument('<schedule>', scheduleHelp)
    .argument('<time>', 'the time of the rule', parseTime)
    .action((schedule: string, time: Time, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const occurrence = await q.schedules.cancelOccurrence(parseSchedule(schedule), time)
        if (json) await outJson(io, jsonOf(occurrence))
        else await io.out(`${occurrence.state}\n`)
      }),
    )
  schedules
    .command('move')
    .description('give one occurrence another time')
    .argument('<schedule>', scheduleHelp)
    .argument('<time>', 'the time of the rule', parseTime)
    .argument('<to>', 'when it is to fire instead', parseTime)
    .action((schedule: string, time: Time, to: Time, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const occurrence = await q.schedules.moveOccurrence(parseSchedule(schedule), time, to)
        if (json) await outJson(io, jsonOf(occurrence))
        else await io.out(`due ${occurrence.dueAt.toString()}\n`)
      }),
    )
}

const header = ['time', 'state', 'cause', 'reason', 'attempts', 'count', 'id', 'error']

function rowOf({ nominalAt, state, cause, reason, attemptCount, count, id, error }: Occurrence): string[] {
  return [nominalAt.toString(), state, cause, reason, String(attemptCount), String(count), id, printable(error)]
}

function attemptRow({ startedAt, outcome, number, statusCode, result, error, scheduler }: Attempt): string[] {
  const status = statusCode === 0 ? '' : String(statusCode)
  return [
    startedAt?.toString() ?? '',
    outcome,
    status,
    '',
    String(number),
    '',
    printable(scheduler),
    printable(error || result),
  ]
}

function jsonOf({
  nominalAt,
  dueAt,
  startedAt,
  endedAt,
  lastAttempt,
  attempts,
  ...facts
}: Occurrence): Record<string, unknown> {
  return {
    ...facts,
    nominalAt: nominalAt.toString(),
    dueAt: dueAt.toString(),
    startedAt: startedAt?.toString() ?? null,
    endedAt: endedAt?.toString() ?? null,
    lastAttempt: lastAttempt === undefined ? null : attemptJson(lastAttempt),
    attempts: attempts.map(attemptJson),
  }
}

function attemptJson({ startedAt, endedAt, ...attempt }: Attempt): Record<string, unknown> {
  return { ...attempt, startedAt: startedAt?.toString() ?? null, endedAt: endedAt?.toString() ?? null }
}
