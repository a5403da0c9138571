export { QcoreProvider } from './qcore-provider.ts'
