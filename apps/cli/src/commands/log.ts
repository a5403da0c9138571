import type { CommitChange } from '@qcore/client'
import type { Command } from 'commander'
import { jsonOfChange, textOfChange } from '../change-text.ts'
import type { Io } from '../io.ts'
import { addRangeOptions, rangeOf, type RangeOptions } from '../range-options.ts'
import { outJson, withSession } from '../session.ts'

export function addLog(program: Command, io: Io): void {
  const command = program.command('log').description('show the commits of the store, by whom and when')
  addRangeOptions(command).action((options: RangeOptions, given: Command) =>
    withSession(given, io, async ({ q, json }) => {
      for await (const commit of q.commits({ ...rangeOf(options), signal: io.signal })) {
        const { revision, time, writer, epoch, idempotencyKey, changes } = commit
        if (json) {
          const origin = { revision, time: time.toString(), writer, epoch, idempotencyKey }
          await outJson(io, { ...origin, changes: changes.map(jsonOfChange) })
          continue
        }
        await io.out(`${time.toString()}  ${revision}  ${writer}\n`)
        for (const change of changes) await io.out(`  ${subjectOf(change)}${textOfChange(change)}\n`)
      }
    }),
  )
}

/** Whom a change concerns, where its text does not say it. */
function subjectOf(change: CommitChange): string {
  if (change.kind === 'write') return `${change.current.entityId}  `
  return change.kind === 'move' ? `${change.entity.id}  ` : ''
}
