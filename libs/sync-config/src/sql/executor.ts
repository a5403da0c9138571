import { createHash } from 'node:crypto'
import type { ClientBase, QueryArrayConfig } from 'pg'

/** A connection that statements can be sent to. */
export type Executor = Pick<ClientBase, 'query'>

/** A statement that gets no answer in this time has failed, and its connection is given up. */
export const answerTimeoutMs = 10_000

type Cell = string | null

/**
 * Runs a prepared statement. Every column comes as the text that PostgreSQL writes: JSON is parsed where it is known what to do with big
 * integers, and the parsers of a pool that the application brought do not matter.
 */
export async function queryText<Row extends readonly Cell[]>(
  executor: Executor,
  { text, values = [] }: { text: string; values?: readonly unknown[] },
): Promise<Row[]> {
  const query: QueryArrayConfig & { query_timeout: number } = {
    name: statementName(text),
    text,
    values: [...values],
    rowMode: 'array',
    types: { getTypeParser: () => (cell: unknown) => cell },
    query_timeout: answerTimeoutMs,
  }
  const { rows } = await executor.query<Row[]>(query)
  return rows as unknown as Row[]
}

const statementNames = new Map<string, string>()

/** PostgreSQL cuts long names, so that the names of tables have no place in them. */
function statementName(text: string): string {
  let name = statementNames.get(text)
  if (name === undefined) {
    name = `qcore_config_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
    statementNames.set(text, name)
  }
  return name
}
