import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

export function addStatus(program: Command, io: Io): void {
  program
    .command('status')
    .description('show the state of the store')
    .action((_options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const status = await q.status()
        if (json) await outJson(io, status)
        else await io.out(aligned(Object.entries(status).map(([name, value]) => [name, printable(String(value))])))
      }),
    )
}
