export { openFaultProxy } from './fault-proxy.ts'
export type { FaultProxy } from './fault-proxy.ts'
