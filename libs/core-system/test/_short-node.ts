// A node whose handlers change while it runs, and that is closed then. The process has nothing to do any more.
import { CoreSystem, type CoreSystemOptions } from '../src/index.ts'

const system = await CoreSystem.connect(JSON.parse(process.argv[2] ?? '') as CoreSystemOptions)
const node = await system.registerNode()
await node.onEvent('a', () => undefined)
await node.start()
await node.onEvent('b', () => undefined)
await system.close()
