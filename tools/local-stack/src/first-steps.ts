import type { RunningSystem } from './system.ts'

/** What `npm start` says when everything runs. */
export function describeSystem(system: RunningSystem, elapsedMs: number): string {
  const { url, token, dataFolder, logFile, backing } = system
  return `qcore runs (ready after ${(elapsedMs / 1_000).toFixed(1)} s)

  gateway   ${url}
  token     ${token}
  data      ${dataFolder}
  log       ${logFile}
  servers   ${backing.postgres.source}
            ${backing.nats.source}

Try, in another terminal:

  curl -s ${url}/qcore.store.v1.ReadService/GetRoot -H 'Content-Type: application/json' -H 'Authorization: Bearer ${token}' -d '{}'
  npm run qcore -- tree
  npm run qcore -- watch Root SchemaUpdateTrigger --every

Ctrl-C stops it; the data stays.
`
}
