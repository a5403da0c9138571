import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { commit, QError, type TypeDefinition } from '@qcore/client'
import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { fileExists, importTypes, sourceOfDefinition, sourceOfSchema } from '../schema-module.ts'
import { sourceOfTypes, type SourceType } from '../schema-source.ts'
import { outJson, withSession, type Session } from '../session.ts'

interface PullOptions {
  out?: string
  check?: boolean
}

/** The schemas of the store as a TypeScript module, and back. */
export function addSchemaModule(schema: Command, io: Io): void {
  schema
    .command('pull')
    .description('write types as TypeScript, for typed bindings; without types: all of them')
    .argument('[types...]', 'the types')
    .option('--out <file>', 'the module to write; default: the standard output')
    .option('--check', 'write nothing; fail if the module does not say what the store has')
    .action((types: string[], options: PullOptions, command: Command) =>
      withSession(command, io, (session) => pull(session, types, options)),
    )
  schema
    .command('push')
    .description('set all types that a TypeScript module exports, in one commit')
    .argument('<file>', 'the module')
    .action((file: string, _options: unknown, command: Command) =>
      withSession(command, io, (session) => push(session, file)),
    )
}

async function pull(session: Session, names: readonly string[], { out, check }: PullOptions): Promise<void> {
  const { io, folder } = session
  if (out === undefined) {
    if (check === true) throw new QError('configuration', '--check needs --out, the module to check')
    await io.out(sourceOfTypes(await readTypes(session, names, [])))
    return
  }
  const file = path.resolve(folder, out)
  const known = (await fileExists(file)) ? await importTypes(file) : []
  const source = sourceOfTypes(await readTypes(session, names, known))
  if (check !== true) {
    await writeFile(file, source)
    return
  }
  const wanted = names.length === 0 ? known : known.filter(({ type }) => names.includes(type))
  if (sourceOfTypes(wanted.map(sourceOfDefinition)) === source) return
  throw new QError('schema_mismatch', `${out} is not what the store has: qcore schema pull --out ${out} writes it`)
}

async function readTypes(
  { q }: Session,
  names: readonly string[],
  known: readonly TypeDefinition[],
): Promise<SourceType[]> {
  const wanted = names.length === 0 ? await q.types() : [...new Set(names)]
  return Promise.all(
    wanted.map(async (name) =>
      sourceOfSchema(
        await q.schema(name),
        known.find(({ type }) => type === name),
      ),
    ),
  )
}

async function push({ q, io, json, folder }: Session, name: string): Promise<void> {
  const file = path.resolve(folder, name)
  const types = await importTypes(file)
  if (types.length === 0) throw new QError('invalid_schema', `${name} exports no type`)
  const builder = types.reduce((changes, type) => changes.setSchema(type), commit())
  const { revision, results } = await q.commit(builder)
  const changed = types.filter((_, index) => results[index]?.changed === true).map(({ type }) => type)
  if (json) await outJson(io, { revision, changed })
  else await io.out(changed.length === 0 ? 'nothing to change\n' : `revision ${revision}: ${changed.join(', ')}\n`)
}
