import { startPostgres } from '@qcore/local-stack'
import { openSyncConfig } from '@qcore/sync-config'
import { runExamples } from './run-examples.ts'

await using postgres = await startPostgres({ durable: false })
await using one = await openSyncConfig({ address: postgres.url })
await using two = await openSyncConfig({ address: postgres.url })
await runExamples(one, two, console.log)
