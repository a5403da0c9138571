import type { StoredSchedule } from '@qcore/client'
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { parseTime, type Time } from '../moment.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'
import { parseSchedule, scheduleHelp } from '../schedule-argument.ts'
import { addScheduleChanges } from './schedules-changes.ts'
import { addSchedulePut } from './schedules-put.ts'
import { addScheduleRuns } from './schedules-runs.ts'

interface ListOptions {
  readonly namespace?: string
  readonly tag?: string[]
}

interface PreviewOptions {
  readonly schedule?: string
  readonly timezone?: string
  readonly from?: Time
  readonly count: string
}

export function addSchedules(program: Command, io: Io): void {
  const schedules = program.command('schedules').description('schedules: what happens when, and what became of it')
  addSchedulePut(schedules, io)
  schedules
    .command('list')
    .description('list schedules, the newest first')
    .option('--namespace <name>', 'of one namespace')
    .option('--tag <tag...>', 'that have one of these tags')
    .action(({ namespace, tag }: ListOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const rows: string[][] = []
        const query = { ...(namespace === undefined ? {} : { namespace }), ...(tag === undefined ? {} : { tags: tag }) }
        for await (const each of q.schedules.list(query, { signal: io.signal })) {
          if (json) await outJson(io, jsonOf(each))
          else rows.push(rowOf(each))
        }
        if (rows.length > 0) await io.out(aligned([header, ...rows]))
      }),
    )
  schedules
    .command('show')
    .description('show a schedule')
    .argument('<schedule>', scheduleHelp)
    .action((schedule: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const found = await q.schedules.get(parseSchedule(schedule))
        if (json) await outJson(io, jsonOf(found))
        else await io.out(aligned(Object.entries(jsonOf(found)).map(([name, value]) => [name, textOf(value)])))
      }),
    )
  addScheduleChanges(schedules, io)
  schedules
    .command('history')
    .description('show what a schedule was, and who made it so, the newest first')
    .argument('<schedule>', scheduleHelp)
    .action((schedule: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const rows: string[][] = []
        for await (const { change, schedule: then } of q.schedules.versions(parseSchedule(schedule))) {
          if (json) await outJson(io, { change, ...jsonOf(then) })
          else rows.push([String(then.revision), then.updatedAt.toString(), change, ...versionRow(then)])
        }
        if (rows.length > 0) await io.out(aligned([historyHeader, ...rows]))
      }),
    )
  schedules
    .command('preview')
    .description('show when a rule fires, or what it would change of a schedule')
    .argument('[rule]', 'cron, @every 5m, RFC 5545, a time, or a JSON object')
    .option('--schedule <schedule>', scheduleHelp)
    .option('--timezone <name>', 'of a rule that names none')
    .option('--from <time>', 'from this time on; otherwise now', parseTime)
    .option('--count <number>', 'so many', '10')
    .action((rule: string | undefined, { schedule, timezone, from, count }: PreviewOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const shown = await q.schedules.preview({
          ...(rule === undefined ? {} : { rule }),
          ...(schedule === undefined ? {} : { schedule: parseSchedule(schedule) }),
          ...(timezone === undefined ? {} : { timezone }),
          ...(from === undefined ? {} : { from }),
          limit: Number(count),
        })
        const texts = (times: readonly { toString(): string }[]): string[] => times.map((time) => time.toString())
        if (json) {
          const { description, hasMore, times, added, removed } = shown
          const lists = { times: texts(times), added: texts(added), removed: texts(removed) }
          return outJson(io, { description, hasMore, ...lists })
        }
        const added = new Set(texts(shown.added))
        const lines = texts(shown.times).map((time) => (added.has(time) ? `${time}  added` : time))
        const removed = texts(shown.removed).map((time) => `${time}  removed`)
        return io.out(`${[shown.description, ...[...lines, ...removed].sort()].join('\n')}\n`)
      }),
    )
  addScheduleRuns(schedules, io)
}

const header = ['id', 'namespace', 'name', 'state', 'rule', 'action', 'target', 'next']

const historyHeader = ['revision', 'time', 'change', 'writer', 'rule', 'timezone', 'action', 'target']

function versionRow({ writer, rule, timezone, action, target }: StoredSchedule): string[] {
  return [printable(writer), printable(rule), timezone, action, printable(target)]
}

function rowOf({ id, namespace, name, state, rule, action, target, nextAt }: StoredSchedule): string[] {
  return [id, namespace, printable(name), state, printable(rule), action, printable(target), nextAt?.toString() ?? '']
}

function jsonOf({ createdAt, updatedAt, nextAt, lastAt, ...facts }: StoredSchedule): Record<string, unknown> {
  return {
    ...facts,
    createdAt: createdAt.toString(),
    updatedAt: updatedAt.toString(),
    nextAt: nextAt?.toString() ?? null,
    lastAt: lastAt?.toString() ?? null,
  }
}

function textOf(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value))
}
