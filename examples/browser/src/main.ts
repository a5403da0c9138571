import { once } from 'node:events'
import { join } from 'node:path'
import { connect } from '@qcore/client'
import { readRunningAddress, startSystem } from '@qcore/local-stack'
import { startPageServer } from './page-server.ts'
import { prepareLamp } from './prepare-lamp.ts'

const port = 20_080

await using own = new AsyncDisposableStack()
const running = readRunningAddress(join(import.meta.dirname, '../../..'))
let { url, token } = running ?? {}
if (url === undefined || token === undefined) {
  console.error('No system runs (npm start): starting one for the example.')
  ;({ url, token } = own.use(await startSystem()))
}
const client = own.use(await connect({ url, token }))
const lamp = await prepareLamp(client)
const page = own.use(await startPageServer({ gateway: url, token, lamp, port }))
console.log(`Open ${page.url} in two windows, and move the slider. Ctrl-C ends it.`)
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
