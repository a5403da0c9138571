import { QError, type TypedValue } from '@qcore/client'
import type { Command } from 'commander'
import { entityId } from '../entity-path.ts'
import { fieldTypeOf } from '../field-type-of.ts'
import type { Io } from '../io.ts'
import { outJson, withSession, type Session } from '../session.ts'
import { parseValue } from '../value-text.ts'

interface CreateOptions {
  id?: string
  before?: string
  field: string[]
}

export function addCreate(program: Command, io: Io): void {
  program
    .command('create')
    .description('create an entity, and print its id')
    .argument('<type>', 'the type')
    .argument('<parent>', 'id or path of the parent')
    .argument('<name>', 'the name')
    .option('--id <id>', 'the id; default: the store makes one')
    .option('--before <sibling>', 'id or path of the child that it comes before, where children are ordered')
    .option('--field <name=value>', 'a value, as in set; may be repeated', collect, [])
    .action((type: string, parent: string, name: string, options: CreateOptions, command: Command) =>
      withSession(command, io, async (session) => {
        const { q, json } = session
        const parentId = await entityId(q, parent)
        const fields = await parseFields(session, type, options.field)
        const id = options.id === undefined ? {} : { id: options.id }
        const before = options.before === undefined ? {} : { before: await entityId(q, options.before) }
        const entity = await q.create(type, { parent: parentId, name, fields, ...id, ...before })
        if (json) await outJson(io, entity)
        else await io.out(`${entity.id}\n`)
      }),
    )
}

async function parseFields(
  session: Session,
  type: string,
  assignments: readonly string[],
): Promise<Record<string, TypedValue>> {
  if (assignments.length === 0) return {}
  const schema = await session.q.schema(type)
  const entries = assignments.map(async (assignment) => {
    const equals = assignment.indexOf('=')
    if (equals < 1) {
      throw new QError('invalid_request', `${assignment} is not of the form name=value`, { field: '--field' })
    }
    const field = assignment.slice(0, equals)
    const text = assignment.slice(equals + 1)
    return [field, await parseValue(session, { type: fieldTypeOf(schema, field), text, field })] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

function collect(assignment: string, before: readonly string[]): string[] {
  return [...before, assignment]
}
