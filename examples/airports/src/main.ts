import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '@qcore/client'
import { createProgress } from './progress.ts'
import { runExample } from './run-example.ts'

const workspace = join(import.meta.dirname, '../../..')

/** Where to connect: the environment, or what `npm start` left. */
function readAddress(): { servers: string; store: string; token: string } {
  const { Q_NATS_ADDR: servers, Q_TOKEN: token, Q_STORE: store = 'main' } = process.env
  if (servers !== undefined && token !== undefined) return { servers, token, store }
  const file = join(workspace, '.qcore/client.json')
  try {
    const saved = JSON.parse(readFileSync(file, 'utf8')) as { natsUrl: string; token: string }
    return { servers: saved.natsUrl, token: saved.token, store }
  } catch (cause) {
    throw new Error('start the system first (npm start), or set Q_NATS_ADDR and Q_TOKEN', { cause })
  }
}

await using q = await connect(readAddress())
const startedAt = Date.now()
const { problems, ...counts } = await runExample(q, { progress: createProgress(process.stdout), threshold: 300 })
console.table({ ...counts, seconds: (Date.now() - startedAt) / 1_000 })
for (const problem of problems) console.error(`wrong: ${problem}`)
console.log(
  problems.length === 0 ? 'All is as it must be: no gap, no repeat, nothing lost.' : 'The run is not as it must be.',
)
if (problems.length > 0) process.exitCode = 1
