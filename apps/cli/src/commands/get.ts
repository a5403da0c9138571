import type { Moment } from '@qcore/client'
import type { Command } from 'commander'
import { entityId } from '../entity-path.ts'
import { jsonOfField, textOfEntity } from '../field-text.ts'
import type { Io } from '../io.ts'
import { parseMoment } from '../moment.ts'
import { aligned } from '../printable.ts'
import { outJson, withSession, type Session } from '../session.ts'
import { textOfValue } from '../value-text.ts'

export function addGet(program: Command, io: Io): void {
  program
    .command('get')
    .description('show an entity with its fields, or the values of some')
    .argument('<entity>', 'id or path')
    .argument('[fields...]', 'fields, or paths that end in one: Status, Owner->Site->Name')
    .option('--at <moment>', 'as of a revision, or of a time such as 2026-11-21T10:00:00Z', parseMoment)
    .action((named: string, paths: string[], { at }: { at?: Moment }, command: Command) =>
      withSession(command, io, async (session) => {
        const read = { ...session, q: at === undefined ? session.q : session.q.at(at) }
        const id = await entityId(read.q, named)
        await (paths.length === 0 ? showEntity(read, id) : showFields(read, id, paths))
      }),
    )
}

type Reading = Pick<Session, 'io' | 'json'> & { readonly q: Pick<Session['q'], 'get' | 'schema' | 'readMany'> }

async function showEntity({ io, q, json }: Reading, id: string): Promise<void> {
  const entity = await q.get(id)
  const schema = await q.schema(entity.type)
  const { fields } = await q.readMany(Object.keys(schema.fields).map((path) => ({ entity: id, path })))
  if (json) {
    const entries = fields.map((field) => [field.name, jsonOfField(field)] as const)
    await outJson(io, { ...entity, fields: Object.fromEntries(entries) })
    return
  }
  await io.out(`${textOfEntity(entity)}\n`)
  await io.out(
    aligned(
      fields.map((field) => [
        `  ${field.name}`,
        field.type,
        textOfValue(field),
        `${field.writeTime.toString()} ${field.writer}`,
      ]),
    ),
  )
}

async function showFields({ io, q, json }: Reading, id: string, paths: readonly string[]): Promise<void> {
  const { fields } = await q.readMany(paths.map((path) => ({ entity: id, path })))
  if (json) {
    const entries = fields.map((field, index) => [paths[index] ?? '', jsonOfField(field)] as const)
    await outJson(io, Object.fromEntries(entries))
  } else if (fields.length === 1) {
    for (const field of fields) await io.out(`${textOfValue(field)}\n`)
  } else {
    await io.out(aligned(fields.map((field, index) => [paths[index] ?? '', textOfValue(field)])))
  }
}
