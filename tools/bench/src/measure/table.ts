import type { Row } from './comparison.ts'

const headings = ['what', 'unit', 'qcore', 'limit', 'against', 'ratio (range)', 'to reach', '', 'p50 µs', 'p99 µs']

/** The rows as a Markdown table. */
export function markdownTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.name,
    row.unit,
    shown(row.qcore),
    shown(row.limit),
    row.limitName,
    row.ratio === undefined
      ? ''
      : `${row.ratio.toFixed(2)} (${row.ratioRange?.map((ratio) => ratio.toFixed(2)).join('–') ?? ''})`,
    row.target,
    row.reached === undefined ? '' : row.reached ? 'reached' : 'missed',
    shown(row.p50Us),
    shown(row.p99Us),
  ])
  return [headings, headings.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function shown(value: number | undefined): string {
  if (value === undefined) return ''
  return Math.round(value).toLocaleString('en-US')
}
