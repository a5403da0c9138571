import type { Command } from 'commander'
import { jsonOfChange, textOfChange } from '../change-text.ts'
import { entityId } from '../entity-path.ts'
import type { Io } from '../io.ts'
import { addRangeOptions, rangeOf, type RangeOptions } from '../range-options.ts'
import { outJson, withSession } from '../session.ts'

type HistoryCommandOptions = RangeOptions & { field?: string }

export function addHistory(program: Command, io: Io): void {
  const command = program
    .command('history')
    .description('show what was done to an entity, by whom and when, as far back as the log goes')
    .argument('<entity>', 'id or path; the id if it was deleted')
    .option('--field <name>', 'only what concerns this field')
  addRangeOptions(command).action((named: string, options: HistoryCommandOptions, given: Command) =>
    withSession(given, io, async ({ q, json }) => {
      const { field } = options
      const asked = { ...rangeOf(options), signal: io.signal, ...(field === undefined ? {} : { field }) }
      for await (const change of q.history(await entityId(q, named), asked)) {
        const { revision, time, writer } = change
        if (json) await outJson(io, { revision, time: time.toString(), writer, ...jsonOfChange(change) })
        else await io.out(`${time.toString()}  ${revision}  ${writer}  ${textOfChange(change)}\n`)
      }
    }),
  )
}
