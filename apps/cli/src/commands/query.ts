import type { Moment, QueriedEntity } from '@qcore/client'
import { parseQuery } from '@qcore/query'
import type { Command } from 'commander'
import { jsonOfField } from '../field-text.ts'
import type { Io } from '../io.ts'
import { parseMoment } from '../moment.ts'
import { aligned, printable } from '../printable.ts'
import { outJson, withSession, type Session } from '../session.ts'
import { textOfValue } from '../value-text.ts'

const pageSize = 500

interface QueryOptions {
  explain?: boolean
  count?: boolean
  at?: Moment
}

export function addQuery(program: Command, io: Io): void {
  program
    .command('query')
    .description(`find entities: "SELECT Status, Name FROM Device WHERE Parent->Name = 'Kitchen' ORDER BY Name"`)
    .argument('<query>', 'the query; docs/query.md has the grammar')
    .option('--at <moment>', 'as of a revision, or of a time such as 2026-11-21T10:00:00Z', parseMoment)
    .option('--count', 'show how many there are instead')
    .option('--explain', 'show the SQL, its plan and the indexes instead')
    .action((text: string, options: QueryOptions, command: Command) =>
      withSession(command, io, async (session) => {
        const query = parseQuery(text)
        if (options.explain === true) return explain(session, text)
        const { at } = options
        const asked = { ...session, q: at === undefined ? session.q : session.q.at(at) }
        return options.count === true || query.count ? count(asked, text) : find(asked, text)
      }),
    )
}

type Asking = Pick<Session, 'io' | 'json'> & { readonly q: Pick<Session['q'], 'query' | 'count'> }

async function count({ io, q, json }: Asking, query: string): Promise<void> {
  const count = await q.count(query)
  await (json ? outJson(io, { count }) : io.out(`${count}\n`))
}

async function find({ io, q, json }: Asking, query: string): Promise<void> {
  const { select } = parseQuery(query)
  const found: QueriedEntity[] = []
  for await (const entity of q.query(query, { pageSize })) {
    if (!json) {
      found.push(entity)
      continue
    }
    const fields = Object.entries(entity.fields).map(([path, field]) => [path, jsonOfField(field)] as const)
    await outJson(io, { ...entity, fields: Object.fromEntries(fields) })
  }
  if (found.length === 0) return
  const columns = select[0] === '*' ? Object.keys(found[0]?.fields ?? {}) : select
  const rows = found.map(({ id, name, fields }) => [
    id,
    printable(name),
    ...columns.map((path) => {
      const field = fields[path]
      return field === undefined ? '' : textOfValue(field)
    }),
  ])
  await io.out(aligned([['id', 'name', ...columns], ...rows]))
}

async function explain({ io, q, json }: Session, query: string): Promise<void> {
  const explanation = await q.explain(query)
  if (json) return outJson(io, explanation)
  const { text, sql, parameters, plan, indexes, unindexed } = explanation
  const lines = [
    text,
    '',
    sql,
    ...parameters.map((parameter, index) => `  $${index + 1} = ${printable(parameter)}`),
    '',
    ...plan,
    '',
    `indexes: ${indexes.join(', ') || 'none'}`,
    `without an index: ${unindexed.join('; ') || 'nothing'}`,
  ]
  await io.out(`${lines.join('\n')}\n`)
}
