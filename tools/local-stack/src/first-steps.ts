import path from 'node:path'
import type { RunningSystem } from './system.ts'

/** Where the `qcore` command looks by itself. */
const usualFolder = '.qcore'

/** What is told of a system. */
export type DescribedSystem = Pick<RunningSystem, 'url' | 'token' | 'dataFolder' | 'logFile' | 'backing'>

/** What `npm start` says when everything runs. */
export function describeSystem(system: DescribedSystem, elapsedMs: number): string {
  const { url, token, dataFolder, logFile, backing } = system
  const where = path.basename(dataFolder) === usualFolder ? '' : `  export Q_DATA_DIR='${dataFolder}'\n`
  return `qcore runs (ready after ${(elapsedMs / 1_000).toFixed(1)} s)

  gateway   ${url}
  token     ${token}
  data      ${dataFolder}
  log       ${logFile}
  servers   ${backing.postgres.source}
            ${backing.nats.source}

Try, in another terminal:

  curl -s ${url}/qcore.store.v1.ReadService/GetRoot -H 'Content-Type: application/json' -H 'Authorization: Bearer ${token}' -d '{}'
${where}  npm run qcore -- tree
  npm run qcore -- watch Root SchemaUpdateTrigger --every

Ctrl-C stops it; the data stays.
`
}
