declare const setImmediate: ((callback: () => void) => unknown) | undefined
declare const process: { nextTick?: (callback: () => void) => void } | undefined

const nextTick = typeof process === 'object' ? process.nextTick : undefined

/**
 * Runs a callback at the end of this tick, when all that is ready to run has run: no timer, no wait for the network.
 * Where the platform has no such queue, two turns of the microtask queue stand in for it.
 */
export const atEndOfTick: (callback: () => void) => void =
  nextTick === undefined
    ? (callback) => queueMicrotask(() => queueMicrotask(callback))
    : (callback) => queueMicrotask(() => nextTick(callback))

/** Runs a callback in a turn of its own: when what this one sends is on its way. */
export const afterTick: (callback: () => void) => void =
  typeof setImmediate === 'function'
    ? (callback) => void setImmediate(callback)
    : (callback) => void setTimeout(callback)
