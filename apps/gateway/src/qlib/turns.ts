import type { Turn } from './message/route.ts'

/**
 * Lets the requests of a connection have the effects they would have one after the other: a change waits for everything
 * before it, a read for the changes before it.
 */
export class Turns {
  #changes: Promise<unknown> = Promise.resolve()
  #all: Promise<unknown> = Promise.resolve()

  /** Does something when its turn comes. */
  take<T>(turn: Turn, action: () => Promise<T>): Promise<T> {
    if (turn === 'free') return action()
    const begin = turn === 'change' ? this.#all : this.#changes
    const done = begin.then(action)
    const settled = done.then(nothing, nothing)
    this.#all = turn === 'change' ? settled : Promise.all([this.#all, settled]).then(nothing)
    if (turn === 'change') this.#changes = settled
    return done
  }
}

function nothing(): void {}
