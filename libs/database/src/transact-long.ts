import type { QueryConfig } from 'pg'
import { answerTimeoutMs, type Executor } from './pool.ts'
import { transact } from './transact.ts'

/** How long a transaction may take that works through much of a store. */
export interface Patience {
  /** After which the server ends a statement of it. */
  readonly statementTimeoutMs: number
  /** How soon the server ends it, and frees what it has locked, when its client is gone or has stopped. */
  readonly absenceMs: number
}

/** Runs work as a transaction of one connection whose statements may take longer than others of the connection. */
export function transactLong<T>(
  connection: Executor,
  { statementTimeoutMs, absenceMs }: Patience,
  work: (connection: Executor) => Promise<T>,
): Promise<T> {
  const patient = awaitingAnswers(connection, statementTimeoutMs + answerTimeoutMs)
  return transact(patient, async () => {
    await connection.query(`
      set local statement_timeout = ${statementTimeoutMs};
      set local idle_in_transaction_session_timeout = ${absenceMs};
      set local client_connection_check_interval = ${absenceMs}`)
    return work(patient)
  })
}

/** The same connection, of which answers are waited for as long as `timeoutMs`. */
function awaitingAnswers(connection: Executor, timeoutMs: number): Executor {
  const query = (statement: string | QueryConfig): Promise<unknown> => {
    const config = typeof statement === 'string' ? { text: statement } : statement
    return connection.query({ ...config, query_timeout: timeoutMs } as QueryConfig)
  }
  return { query } as Executor
}
