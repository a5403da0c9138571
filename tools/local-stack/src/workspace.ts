import path from 'node:path'

/** The root of the repository. */
export const workspaceFolder = path.resolve(import.meta.dirname, '../../..')

/** Where programs that were downloaded are kept; git ignores it. */
export const cacheFolder = path.join(workspaceFolder, '.qcore', 'cache')

/** Where Node keeps what it has compiled, so that a process starts in half the time; git ignores it. */
export const compileCacheFolder = path.join(workspaceFolder, '.qcore', 'compile-cache')
