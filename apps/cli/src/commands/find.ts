import type { FindQuery } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'
import { fieldTypeOf } from '../field-type-of.ts'
import { jsonOfField } from '../field-text.ts'
import { parseFilter, whereOf } from '../filter-text.ts'
import type { Io } from '../io.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession, type Session } from '../session.ts'
import { parseValue, textOfValue } from '../value-text.ts'

const pageSize = 500

interface FindOptions {
  where: string[]
  order?: string
  limit?: number
  select?: string
}

export function addFind(program: Command, io: Io): void {
  program
    .command('find')
    .description('find entities of a type by the values of their fields')
    .argument('<type>', 'the type')
    .option('--where <filter>', 'Field=Value, or !=, <, <=, >, >=; may be repeated, all must hold', collect, [])
    .option('--order <field>', 'smallest first; -Field: greatest first')
    .option('--limit <count>', 'at most so many', wholeNumber)
    .option('--select <fields>', 'fields to show, comma-separated')
    .action((type: string, options: FindOptions, command: Command) =>
      withSession(command, io, async (session) => find(session, type, options)),
    )
}

async function find(session: Session, type: string, options: FindOptions): Promise<void> {
  const { io, q, json } = session
  const select = options.select?.split(',').map((name) => name.trim()) ?? []
  const query = await queryOf(session, type, options, select)
  const rows: string[][] = []
  for await (const entity of q.find(type, query)) {
    if (json) {
      const fields = Object.entries(entity.fields).map(([name, field]) => [name, jsonOfField(field)] as const)
      await outJson(io, { ...entity, fields: Object.fromEntries(fields) })
      continue
    }
    const values = select.map((name) => entity.fields[name])
    rows.push([
      entity.id,
      printable(entity.name),
      ...values.map((field) => (field === undefined ? '' : textOfValue(field))),
    ])
  }
  if (!json && rows.length > 0) await io.out(aligned(rows))
}

async function queryOf(
  session: Session,
  type: string,
  { where, order, limit }: FindOptions,
  select: readonly string[],
): Promise<FindQuery> {
  const filters = where.map(parseFilter)
  const schema = filters.length === 0 ? undefined : await session.q.schema(type)
  const comparisons = await whereOf(filters, async ({ field, text }) => {
    if (schema === undefined) throw new Error('there are no filters')
    return parseValue(session, { type: fieldTypeOf(schema, field), text, field })
  })
  return {
    where: comparisons,
    select,
    pageSize,
    ...(limit === undefined ? {} : { limit }),
    ...(order === undefined ? {} : { orderBy: orderOf(order) }),
  }
}

function orderOf(order: string): { field: string; descending: boolean } {
  return order.startsWith('-') ? { field: order.slice(1), descending: true } : { field: order, descending: false }
}

function collect(filter: string, before: readonly string[]): string[] {
  return [...before, filter]
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It is a number of entities.')
  return Number(text)
}
