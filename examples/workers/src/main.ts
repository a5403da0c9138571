import { applicationVariables, connectionOf } from '@qcore/application'
import { connect } from '@qcore/client'
import { readSettings } from '@qcore/service'
import { exampleEnvironment } from './example-environment.ts'
import { runExample } from './run-example.ts'

const env = exampleEnvironment()
const settings = readSettings(applicationVariables, { ...env, Q_LOG_LEVEL: env['Q_LOG_LEVEL'] ?? 'warn' })
await runExample({
  open: () => connect(connectionOf(settings)),
  settings,
  print: (line) => console.log(line),
})
