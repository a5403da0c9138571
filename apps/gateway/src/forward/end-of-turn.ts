let turn: Promise<void> | undefined

/**
 * Resolves when the events of this turn of the event loop have been handled, for all who wait at once. The NATS client
 * writes whenever a callback ends: without this every request would be a write of its own, however many come together.
 */
export function endOfTurn(): Promise<void> {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined
      resolve()
    })
  })
  return turn
}
