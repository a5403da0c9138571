import { QError } from '@qcore/client'
import type { Command } from 'commander'
import { entityId } from '../entity-path.ts'
import type { Io } from '../io.ts'
import { outJson, withSession } from '../session.ts'

export function addDelete(program: Command, io: Io): void {
  program
    .command('delete')
    .description('delete an entity; references to it are cleared')
    .argument('<entity>', 'id or path')
    .option('-r, --recursive', 'delete what is below it too')
    .action((named: string, { recursive = false }: { recursive?: boolean }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const id = await entityId(q, named)
        if (!recursive && (await q.children(id, { pageSize: 1 }).page()).entities.length > 0) {
          throw new QError('invalid_request', `${named} has children; --recursive deletes them too`, {
            field: '--recursive',
          })
        }
        const { revision } = await q.delete(id)
        if (json) await outJson(io, { entityId: id, revision })
        else await io.out(`revision ${revision}\n`)
      }),
    )
}
