import { InvalidArgumentError, type Command } from 'commander'
import type { Client, Entity } from '@qcore/client'
import { entityId } from '../entity-path.ts'
import { textOfEntity } from '../field-text.ts'
import type { Io } from '../io.ts'
import { outJson, withSession } from '../session.ts'

/** How many entities' children are asked for at a time. */
const parentsAtATime = 32
const pageSize = 1_000

interface Tree extends Entity {
  children: Tree[]
}

export function addTree(program: Command, io: Io): void {
  program
    .command('tree')
    .description('show an entity and what is below it')
    .argument('[entity]', 'id or path', '/')
    .option('--depth <levels>', 'how many levels to show below the entity; default: all', wholeNumber)
    .action((named: string, { depth = Infinity }: { depth?: number }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const tree = await readTree(q, await entityId(q, named), depth)
        if (json) await outJson(io, tree)
        else for (const line of linesOf(tree)) await io.out(`${line}\n`)
      }),
    )
}

/** Reads level by level. */
async function readTree(q: Client, id: string, depth: number): Promise<Tree> {
  const top: Tree = { ...(await q.get(id)), children: [] }
  let level = [top]
  for (let below = 0; below < depth && level.length > 0; below += 1) {
    for (let start = 0; start < level.length; start += parentsAtATime) {
      await Promise.all(
        level.slice(start, start + parentsAtATime).map(async (parent) => {
          const children = await q.children(parent, { pageSize }).toArray()
          parent.children = children.map((child) => ({ ...child, children: [] }))
        }),
      )
    }
    level = level.flatMap(({ children }) => children)
  }
  return top
}

function* linesOf(tree: Tree, first = '', rest = ''): Generator<string> {
  yield `${first}${textOfEntity(tree)}`
  for (const [index, child] of tree.children.entries()) {
    const isLast = index === tree.children.length - 1
    yield* linesOf(child, `${rest}${isLast ? '└── ' : '├── '}`, `${rest}${isLast ? '    ' : '│   '}`)
  }
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a number of levels.')
  return Number(text)
}
