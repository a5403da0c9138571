import { createHash } from 'node:crypto'
import type { SQL } from './sql.ts'
import type { Executor } from '@qcore/database'
import { compileStatement } from './sql.ts'

/**
 * Settings of the connections that finds run on. Every scan stops after a few thousand rows of an index's order, which
 * PostgreSQL cannot foresee: it would rather gather all matches and sort them. The parameters do not change which index that is,
 * and planning anew for them takes longer than most statements, as compiling does.
 */
export const findSettings = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
} as const

/** Statements that keep a plan on every connection. Callers choose the shapes, so there must be a bound. */
const mostNames = 200

const names = new Map<string, string>()

/** Runs a statement, prepared under a name of its own so that it is parsed and planned once a connection. */
export async function runStatement<Row extends object>(executor: Executor, statement: SQL): Promise<Row[]> {
  const { text, params: values } = compileStatement(statement)
  const name = nameOf(text)
  const { rows } = await executor.query<Row>(name === undefined ? { text, values } : { name, text, values })
  return rows
}

function nameOf(text: string): string | undefined {
  const known = names.get(text)
  if (known !== undefined || names.size >= mostNames) return known
  const name = `reader_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`
  names.set(text, name)
  return name
}
