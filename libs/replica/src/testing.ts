export { openRawStore } from './raw-store.ts'
export type { RawMutation, RawStore } from './raw-store.ts'
