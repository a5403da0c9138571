import { join } from 'node:path'
import { connect } from '@qcore/client'
import { readRunningAddress, startSystem } from '@qcore/local-stack'
import { runTour } from './run-tour.ts'

await using own = new AsyncDisposableStack()
let address = readRunningAddress(join(import.meta.dirname, '../../..'))
if (address === undefined) {
  console.error('No system runs (npm start): starting one for the tour.')
  const system = own.use(await startSystem())
  address = { servers: system.natsUrl, store: 'main', token: system.token }
}
await using q = await connect(address)
await runTour(q, console.log)
