import { QError, type TaggedSchedules } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import type { Io } from '../io.ts'
import { scheduleHelp, parseSchedule } from '../schedule-argument.ts'
import { outJson, withSession } from '../session.ts'

interface TagOptions {
  readonly tag?: string[]
  readonly allTags?: boolean
  readonly namespace?: string
}

interface RotateOptions {
  readonly secret: string
  readonly overlap?: number
}

const secondMs = 1_000

/** Commands that change what is there: one schedule, or all that have certain tags. */
export function addScheduleChanges(schedules: Command, io: Io): void {
  addTagged(schedules, io, 'pause', 'pause a schedule, or all that have certain tags')
  addTagged(schedules, io, 'resume', 'go on with a schedule, or with all that have certain tags')
  schedules
    .command('delete')
    .description('end a schedule for good')
    .argument('<schedule>', scheduleHelp)
    .action((schedule: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const change = await q.schedules.delete(parseSchedule(schedule))
        if (json) await outJson(io, change)
        else await io.out(`revision ${change.revision}\n`)
      }),
    )
  schedules
    .command('rotate-secret')
    .description('give the webhooks of a schedule another secret; for a while they are signed with the former one too')
    .argument('<schedule>', scheduleHelp)
    .requiredOption('--secret <secret>', 'what requests are signed with from now on')
    .option('--overlap <seconds>', 'how long the former secret is used too; otherwise a day', parseSeconds)
    .action((schedule: string, { secret, overlap }: RotateOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const overlapMs = overlap === undefined ? {} : { overlapMs: overlap * secondMs }
        const { revision, overlapEndsAt } = await q.schedules.rotateSecret(parseSchedule(schedule), {
          secret,
          ...overlapMs,
        })
        const until = overlapEndsAt?.toString()
        if (json) await outJson(io, { revision, overlapEndsAt: until ?? null })
        else
          await io.out(until === undefined ? `revision ${revision}\n` : `revision ${revision}, both until ${until}\n`)
      }),
    )
}

function addTagged(schedules: Command, io: Io, name: 'pause' | 'resume', description: string): void {
  schedules
    .command(name)
    .description(description)
    .argument('[schedule]', scheduleHelp)
    .option('--tag <tag...>', 'all that have one of these tags')
    .option('--all-tags', 'that have all of these tags')
    .option('--namespace <name>', 'of one namespace')
    .action((schedule: string | undefined, options: TagOptions, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const tagged = taggedOf(options)
        if ((schedule === undefined) === (tagged === undefined)) {
          throw new QError('invalid_request', 'either a schedule is named, or tags are', { field: 'schedule' })
        }
        if (tagged === undefined) {
          const change = await q.schedules[name](parseSchedule(schedule ?? ''))
          return json ? outJson(io, change) : io.out(`revision ${change.revision}\n`)
        }
        const change = await q.schedules[`${name}Tagged`](tagged)
        return json ? outJson(io, change) : io.out(`${change.count} schedules\n`)
      }),
    )
}

function taggedOf({ tag: tags, allTags, namespace }: TagOptions): TaggedSchedules | undefined {
  if (tags === undefined) return undefined
  return { tags, ...(allTags === true ? { allTags } : {}), ...(namespace === undefined ? {} : { namespace }) }
}

function parseSeconds(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is no whole number.')
  return Number(text)
}
