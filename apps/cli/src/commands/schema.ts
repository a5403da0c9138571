import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { aligned } from '../printable.ts'
import { jsonOfSchema, parseSchema } from '../schema-json.ts'
import { outJson, withSession } from '../session.ts'
import { addSchemaChanges } from './schema-changes.ts'
import { addSchemaModule } from './schema-module.ts'

export function addSchema(program: Command, io: Io): void {
  const schema = program.command('schema').description('show and set the types of the store')
  schema
    .command('list')
    .description('list the types')
    .action((_options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const types = await q.types()
        await (json ? outJson(io, types) : io.out(types.map((type) => `${type}\n`).join('')))
      }),
    )
  schema
    .command('get')
    .description('show a type; what --json writes can be set again')
    .argument('<type>', 'the type')
    .action((type: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const read = await q.schema(type)
        if (json) {
          await outJson(io, jsonOfSchema(read))
          return
        }
        const rows = Object.entries(read.fields).map(([name, { type: fieldType, choices, unindexed }]) => [
          name,
          choices.length === 0 ? fieldType : `${fieldType} ${choices.join('|')}`,
          unindexed ? 'unindexed' : '',
        ])
        await io.out(aligned(rows))
      }),
    )
  schema
    .command('set')
    .description('create or change a type from a JSON file: {"type": "Device", "fields": {"Level": "Int"}}')
    .argument('<file>', 'the file; - for the standard input')
    .action((file: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json, folder }) => {
        const text = file === '-' ? await io.readInput() : await readFile(path.resolve(folder, file), 'utf8')
        const parsed = parseSchema(text)
        const { revision } = await q.setSchema(parsed)
        await (json ? outJson(io, { type: parsed.type, revision }) : io.out(`revision ${revision}\n`))
      }),
    )
  addSchemaChanges(schema, io)
  addSchemaModule(schema, io)
}
