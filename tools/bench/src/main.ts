import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { benchConfig } from './config/config-bench.ts'
import { benchEvents } from './events/events-bench.ts'
import { markdownTable } from './measure/table.ts'
import { benchNotify } from './notify/notify-bench.ts'
import { benchSchedule } from './schedule/schedule-bench.ts'
import { benchStore } from './store/store-bench.ts'

const benches = {
  store: benchStore,
  notify: benchNotify,
  events: benchEvents,
  config: benchConfig,
  schedule: benchSchedule,
}
const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const [name = ''] = positionals
if (!Object.hasOwn(benches, name)) {
  console.error(
    `npm run bench -- NAME [--json FILE] [--only TEXT] [--quick], where NAME is one of: ${Object.keys(benches).join(', ')}`,
  )
  process.exitCode = 2
} else {
  const rows = await benches[name as keyof typeof benches]({ quick: values.quick, only: values.only }, (row) => {
    const outcome = row.reached === undefined ? '       ' : row.reached ? 'reached' : 'missed '
    const target = row.target === '' ? '' : ` (${row.target})`
    console.error(`${outcome}  ${row.name}: ${row.ratio?.toFixed(2) ?? Math.round(row.qcore)}${target}`)
  })
  console.log(markdownTable(rows))
  if (values.json !== undefined) {
    const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length }
    writeFileSync(values.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`)
  }
}
