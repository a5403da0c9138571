// One instance of the application. Run two of them, and stop one: npm exec -- node examples/workers/src/my-app-main.ts
import { applicationVariables, connectionOf } from '@qcore/application'
import { connect } from '@qcore/client'
import { openLeadershipStore } from '@qcore/leadership'
import { readSettings } from '@qcore/service'
import { exampleEnvironment, runningAddress } from './example-environment.ts'
import { counterOf, createMyApp } from './my-app.ts'

const address = runningAddress()
if (address === undefined) throw new Error('start the system first (npm start), or set Q_NATS_ADDR and Q_TOKEN')
const settings = readSettings(applicationVariables, exampleEnvironment(address))
await using q = await connect(connectionOf(settings))
await using leases = openLeadershipStore(settings.leaderStoreAddress, {
  client: q,
  ...(settings.leaderStorePassword === undefined ? {} : { password: settings.leaderStorePassword }),
})
await createMyApp(q, { counter: await counterOf(q), leases, settings }).app.execute()
