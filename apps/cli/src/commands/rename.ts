import type { Command } from 'commander'
import { entityId } from '../entity-path.ts'
import type { Io } from '../io.ts'
import { outJson, withSession } from '../session.ts'

export function addRename(program: Command, io: Io): void {
  program
    .command('rename')
    .description('give an entity another name')
    .argument('<entity>', 'id or path')
    .argument('<name>', 'the new name')
    .action((named: string, name: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const id = await entityId(q, named)
        const { revision } = await q.rename(id, name)
        await (json ? outJson(io, { entityId: id, name, revision }) : io.out(`revision ${revision}\n`))
      }),
    )
}
