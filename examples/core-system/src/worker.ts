import { once } from 'node:events'
import { CoreSystem } from '@qcore/core-system'
import { exampleSettings, systemOptions } from './settings.ts'
import { startWorker } from './start-worker.ts'

const settings = exampleSettings()
await using system = await CoreSystem.connect(systemOptions(settings))
const { nodeId, workerEvent: eventType, workerSchedule: hasHeartbeat } = settings
const node = await startWorker(system, { nodeId, eventType, hasHeartbeat, print: (line) => console.log(line) })
console.log(`node ${node.nodeId} handles ${eventType}`)
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), node.closed])
