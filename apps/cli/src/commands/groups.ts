import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned } from '../printable.ts'
import { outJson, withSession } from '../session.ts'

export function addGroups(program: Command, io: Io): void {
  const groups = program.command('groups').description('groups of nodes that handle events')
  groups
    .command('list', { isDefault: true })
    .description('list what groups want, and what waits for them')
    .argument('<namespace>', 'the namespace')
    .action((namespace: string, _options: object, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const found = await q.events.delivery.groups(namespace)
        if (json) {
          for (const { createdAt, ...facts } of found) await outJson(io, { ...facts, createdAt: createdAt.toString() })
        } else if (found.length > 0) {
          const rows = found.map(({ group, pattern, pending, unanswered, nodes }) => [
            group,
            pattern,
            String(pending),
            String(unanswered),
            nodes.join(','),
          ])
          await io.out(aligned([['group', 'pattern', 'pending', 'unanswered', 'nodes'], ...rows]))
        }
      }),
    )
  groups
    .command('delete')
    .description('delete what a group wants, if no node consumes it; what it has not handled is handled by nobody')
    .argument('<namespace>', 'the namespace')
    .argument('<group>', 'the group')
    .argument('<pattern>', 'the pattern')
    .action((namespace: string, group: string, pattern: string, _options: object, command: Command) =>
      withSession(command, io, ({ q }) => q.events.delivery.deleteSubscription({ namespace, group, pattern })),
    )
}
