// One instance of the application. Run two of them, and stop one: npm exec -- node examples/workers/src/my-app-main.ts
import { applicationVariables, connectionOf } from '@qcore/application'
import { connect } from '@qcore/client'
import { openLeadershipStore } from '@qcore/leadership'
import { readSettings } from '@qcore/service'
import { exampleEnvironment } from './example-environment.ts'
import { counterOf, createMyApp } from './my-app.ts'

const settings = readSettings(applicationVariables, exampleEnvironment())
await using q = await connect(connectionOf(settings))
await using leases = openLeadershipStore(settings.leaderStoreAddress, {
  client: q,
  ...(settings.leaderStorePassword === undefined ? {} : { password: settings.leaderStorePassword }),
})
await createMyApp(q, { counter: await counterOf(q), leases, settings }).app.execute()
