import { createHash } from 'node:crypto'
import type { ClientBase, QueryArrayConfig, QueryConfig } from 'pg'

/** A connection that statements can be sent to. */
export type Executor = Pick<ClientBase, 'query'>

/** A statement that gets no answer in this time has failed, and its connection is given up. */
const answerTimeoutMs = 10_000
/** The same of one that reads, or rewrites, a whole table. */
export const tableTimeoutMs = 300_000

type Cell = string | null

/**
 * Runs a prepared statement. Every column comes as the text that PostgreSQL writes: JSON is parsed where it is known what to do with big
 * integers, and the parsers of a pool that the application brought do not matter.
 */
export async function queryText<Row extends readonly Cell[]>(
  executor: Executor,
  { text, values = [], timeoutMs = answerTimeoutMs }: { text: string; values?: readonly unknown[]; timeoutMs?: number },
): Promise<Row[]> {
  const query: QueryArrayConfig & { query_timeout: number } = {
    name: statementName(text),
    text,
    values: [...values],
    rowMode: 'array',
    types: { getTypeParser: () => (cell: unknown) => cell },
    query_timeout: timeoutMs,
  }
  const { rows } = await executor.query<Row[]>(query)
  return rows as unknown as Row[]
}

/** Runs a statement, or several, that nobody needs the answer of. */
export async function runStatement(executor: Executor, text: string, timeoutMs = answerTimeoutMs): Promise<void> {
  const query: QueryConfig & { query_timeout: number } = { text, query_timeout: timeoutMs }
  await executor.query(query)
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
