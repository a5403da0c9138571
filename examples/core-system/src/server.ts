import { once } from 'node:events'
import { CoreSystem } from '@qcore/core-system'
import { exampleSettings, systemOptions } from './settings.ts'
import { startServer } from './start-server.ts'

const settings = exampleSettings()
await using system = await CoreSystem.connect(systemOptions(settings))
await using server = await startServer(system, settings)
console.log(`listening at ${server.url}`)
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
