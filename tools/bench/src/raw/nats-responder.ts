// A process of its own, as the services are: answers every request with a payload of a given size.
import { connect } from '@nats-io/transport-node'

const [address = '', subject = '', size = '0'] = process.argv.slice(2)
const url = new URL(address)
const connection = await connect({
  servers: url.host,
  ...(url.password !== ''
    ? { user: url.username, pass: url.password }
    : url.username !== ''
      ? { token: url.username }
      : {}),
})
const payload = new Uint8Array(Number(size))
connection.subscribe(subject, { callback: (_, message) => void message.respond(payload) })
await connection.flush()
process.stdout.write('ready\n')
process.once('SIGTERM', () => void connection.close())
