import { create } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import { ExplainResponseSchema, type ExplainRequest, type ExplainResponse } from '@qcore/contracts'
import { readDatabase } from '@qcore/database'
import { checkQuery, printQuery } from '@qcore/query'
import type { ReaderContext } from '../context.ts'
import { whenFresh } from '../freshness.ts'
import { pageSizeOf, treeOf } from '../query/asked-query.ts'
import { compileStatement } from '../query/sql.ts'
import { countStatement } from '../query/page-sql.ts'
import { findStatement } from '../query/query-page.ts'
import { planQuery } from '../query/query-plan.ts'
import { columnOf } from '../query/selection-sql.ts'
import { unindexedParts } from '../query/unindexed-parts.ts'
import { viewOf } from '../view.ts'

export function explain(
  reader: ReaderContext,
  request: ExplainRequest,
  caller: HandlerContext,
): Promise<ExplainResponse> | ExplainResponse {
  return whenFresh(reader, request.consistency, caller, async () => {
    const tree = treeOf(request.source)
    const types = await reader.replica.read((_source, present) => viewOf(caller, present).types(), caller)
    const checked = checkQuery(tree, types)
    const plan = planQuery(checked, Math.min(pageSizeOf(request), checked.limit || Infinity))
    const response = create(ExplainResponseSchema)
    response.text = printQuery(tree)
    response.unindexed = unindexedParts({ tree, checked, types })
    // Nothing is asked: the conditions contradict each other.
    if (plan.isEmpty) return response
    const columns = checked.select.map(columnOf)
    const statement = tree.count
      ? countStatement(plan, types)
      : findStatement(plan, { types, columns, after: undefined })
    const { text, params } = compileStatement(statement)
    const lines = await readDatabase(planLines(reader, text, params))
    response.sql = text.replaceAll(/\s+/g, ' ').trim()
    response.parameters = params.map(parameterText)
    response.plan = lines
    response.indexes = indexesOf(lines)
    return response
  })
}

async function planLines({ pool }: ReaderContext, sql: string, values: unknown[]): Promise<string[]> {
  const { rows } = await pool.query<{ 'QUERY PLAN': string }>({ text: `explain ${sql}`, values })
  return rows.map((row) => row['QUERY PLAN'])
}

function indexesOf(lines: readonly string[]): string[] {
  const names = lines.flatMap((line) => /Index (?:Only )?Scan (?:Backward )?using (\S+)/.exec(line)?.[1] ?? [])
  return [...new Set(names)].sort()
}

function parameterText(value: unknown): string {
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`
  return Array.isArray(value) ? `{${value.map(parameterText).join(',')}}` : String(value)
}
