// Starts servers, says where they are, and stays: for tests that end it in every way there is.
import { startNats, startPostgres } from '../src/index.ts'

const [dataFolder] = process.argv.slice(2)
const folders =
  dataFolder === undefined
    ? { nats: {}, postgres: undefined }
    : { nats: { dataFolder: `${dataFolder}/nats` }, postgres: { dataFolder: `${dataFolder}/postgres` } }
const nats = await startNats(folders.nats)
const postgres =
  folders.postgres === undefined ? undefined : await startPostgres({ ...folders.postgres, durable: false })
console.log(JSON.stringify([nats, postgres].map((server) => ({ url: server?.url, pid: server?.pid }))))
process.stdin.on('data', () => process.exit(3)).resume()
