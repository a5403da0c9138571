import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '@qcore/client'
import { runExample } from './run-example.ts'

/** What `npm start` left. */
function readAddress(): { servers: string; token: string } {
  const file = join(import.meta.dirname, '../../../.qcore/client.json')
  try {
    const { natsUrl: servers, token } = JSON.parse(readFileSync(file, 'utf8')) as { natsUrl: string; token: string }
    return { servers, token }
  } catch (cause) {
    throw new Error('start the system first: npm start', { cause })
  }
}

await using q = await connect(readAddress())
console.table(await runExample(q))
