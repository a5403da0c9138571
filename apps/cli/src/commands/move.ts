import type { Command } from 'commander'
import { entityId } from '../entity-path.ts'
import type { Io } from '../io.ts'
import { outJson, withSession } from '../session.ts'

export function addMove(program: Command, io: Io): void {
  program
    .command('move')
    .description('move an entity, with what is below it, to another parent or place')
    .argument('<entity>', 'id or path')
    .argument('[parent]', 'id or path of the new parent; default: the one that it has')
    .option('--before <sibling>', 'id or path of the child that it comes before, where children are ordered')
    .action((named: string, parent: string | undefined, { before }: { before?: string }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const id = await entityId(q, named)
        const { revision } = await q.move(id, {
          ...(parent === undefined ? {} : { parent: await entityId(q, parent) }),
          ...(before === undefined ? {} : { before: await entityId(q, before) }),
        })
        await (json ? outJson(io, { entityId: id, revision }) : io.out(`revision ${revision}\n`))
      }),
    )
}
