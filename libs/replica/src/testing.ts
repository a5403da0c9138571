export { openProxy } from './proxy.ts'
export { openRawStore } from './raw-store.ts'
export type { Proxy } from './proxy.ts'
export type { RawMutation, RawStore } from './raw-store.ts'
