// Tells its parent how long each change took: a message when it listens, then one a change, in microseconds.
import { openSyncConfig } from '@qcore/sync-config'
import { Client } from 'pg'

const [kind, address = ''] = process.argv.slice(2)
await using parts = new AsyncDisposableStack()

if (kind === 'raw') {
  const client = new Client({ connectionString: address })
  await client.connect()
  parts.defer(() => client.end())
  client.on('notification', ({ payload = '' }) => tell(payload))
  await client.query('listen raw')
} else {
  const config = parts.use(await openSyncConfig({ address }))
  config.subscribe((_key, value) => {
    if (typeof value === 'string') tell(value)
  })
}
process.send?.('listening')
await new Promise<void>((resolve) => process.on('disconnect', resolve))

/** The clock is that of the machine, the same in both processes. */
function tell(sentAt: string): void {
  process.send?.(Number(process.hrtime.bigint() - BigInt(sentAt)) / 1_000)
}
