import { isFieldType, type FieldType } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import { entityId } from '../entity-path.ts'
import { typeOfField } from '../field-type-of.ts'
import type { Io } from '../io.ts'
import { outJson, withSession } from '../session.ts'
import { parseValue } from '../value-text.ts'

interface SetOptions {
  readonly ifChanged?: boolean
  readonly as?: FieldType
}

export function addSet(program: Command, io: Io): void {
  program
    .command('set')
    .description('write a field')
    .argument('<entity>', 'id or path')
    .argument('<field>', 'the field, or a path that ends in one: Status, Owner->Site->Status')
    .argument('<value>', 'its value; a file is @name, a time RFC 3339 or now, a list comma-separated')
    .option('--if-changed', 'leave time and writer alone if the value is the same')
    .option('--as <type>', 'take the value for one of this type: to feed a Transformation', fieldType)
    .action((named: string, field: string, text: string, { ifChanged = false, as }: SetOptions, command: Command) =>
      withSession(command, io, async (session) => {
        const { q, json } = session
        const id = await entityId(q, named)
        const type = as ?? (await typeOfField(q, id, field))
        const value = await parseValue(session, { type, text, field })
        const { revision, time, results } = await q.write(id, field, value, { ifChanged })
        const changed = results[0]?.changed ?? false
        const written = { entityId: results[0]?.entityId ?? id, field: results[0]?.field || field }
        if (json) await outJson(io, { ...written, changed, revision, time: time?.toString() ?? null })
        else await io.out(changed ? `revision ${revision}\n` : 'unchanged\n')
      }),
    )
}

function fieldType(text: string): FieldType {
  if (isFieldType(text)) return text
  throw new InvalidArgumentError('it is no type of fields.')
}
