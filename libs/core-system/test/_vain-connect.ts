// Connects, which fails. The process has nothing to do any more.
import { CoreSystem, type CoreSystemOptions } from '../src/index.ts'

const connecting = CoreSystem.connect(JSON.parse(process.argv[2] ?? '') as CoreSystemOptions)
const isConnected = await connecting.then(
  () => true,
  () => false,
)
process.exitCode = isConnected ? 1 : 0
