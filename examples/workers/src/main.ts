import { applicationVariables, connectionOf } from '@qcore/application'
import { connect } from '@qcore/client'
import { startSystem } from '@qcore/local-stack'
import { readSettings } from '@qcore/service'
import { exampleEnvironment, runningAddress } from './example-environment.ts'
import { runExample } from './run-example.ts'

await using own = new AsyncDisposableStack()
let address = runningAddress()
if (address === undefined) {
  console.error('No system runs (npm start): starting one for the example.')
  const system = own.use(await startSystem())
  address = { servers: system.natsUrl, store: 'main', token: system.token }
}
const env = exampleEnvironment(address)
const settings = readSettings(applicationVariables, { ...env, Q_LOG_LEVEL: env['Q_LOG_LEVEL'] ?? 'warn' })
await runExample({
  open: () => connect(connectionOf(settings)),
  settings,
  print: (line) => console.log(line),
})
