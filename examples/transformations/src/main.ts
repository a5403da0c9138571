import { join } from 'node:path'
import { connect } from '@qcore/client'
import { readRunningAddress, startSystem } from '@qcore/local-stack'
import { runExample } from './run-example.ts'

await using own = new AsyncDisposableStack()
let address = readRunningAddress(join(import.meta.dirname, '../../..'))
if (address === undefined) {
  console.error('No system runs (npm start): starting one for the example.')
  const system = own.use(await startSystem())
  address = { servers: system.natsUrl, store: 'main', token: system.token }
}
await using q = await connect(address)
console.table(await runExample(q))
