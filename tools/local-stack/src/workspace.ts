import path from 'node:path'

/** The root of the repository. */
export const workspaceFolder = path.resolve(import.meta.dirname, '../../..')

/** Where programs that were downloaded are kept; git ignores it. */
export const cacheFolder = path.join(workspaceFolder, '.qcore', 'cache')
