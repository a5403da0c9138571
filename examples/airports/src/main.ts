import { join } from 'node:path'
import { connect } from '@qcore/client'
import { readRunningAddress } from '@qcore/local-stack'
import { createProgress } from './progress.ts'
import { runExample } from './run-example.ts'

const address = readRunningAddress(join(import.meta.dirname, '../../..'))
if (address === undefined) throw new Error('start the system first (npm start), or set Q_NATS_ADDR and Q_TOKEN')

await using q = await connect(address)
const startedAt = Date.now()
const { problems, ...counts } = await runExample(q, { progress: createProgress(process.stdout), threshold: 300 })
console.table({ ...counts, seconds: (Date.now() - startedAt) / 1_000 })
for (const problem of problems) console.error(`wrong: ${problem}`)
console.log(
  problems.length === 0 ? 'All is as it must be: no gap, no repeat, nothing lost.' : 'The run is not as it must be.',
)
if (problems.length > 0) process.exitCode = 1
