import { compareText } from './compare-text.ts'

export interface Child {
  readonly id: string
  readonly name: string
}

/** Bytes of memory that a list, and a child in it, take. */
const listBytes = 300
const childBytes = 150

/** The children of an entity, ordered by name, then id. Changed in place, so that a new child costs little. */
export class ChildList {
  readonly #children: Child[]
  accountedSize = 0

  /** @param children in order */
  constructor(children: Child[]) {
    this.#children = children
  }

  /** About how many bytes of memory it takes. */
  get size(): number {
    return listBytes + this.#children.length * childBytes
  }

  get length(): number {
    return this.#children.length
  }

  /** The child at a position. */
  at(index: number): Child | undefined {
    return this.#children[index]
  }

  /** The first child of a name. */
  named(name: string): Child | undefined {
    const child = this.#children[this.#positionOf({ name, id: '' })]
    return child?.name === name ? child : undefined
  }

  ids(): string[] {
    return this.#children.map(({ id }) => id)
  }

  add(child: Child): void {
    const position = this.#positionOf(child)
    if (this.#children[position]?.id !== child.id) this.#children.splice(position, 0, child)
  }

  remove(child: Child): void {
    const position = this.#positionOf(child)
    if (this.#children[position]?.id === child.id) this.#children.splice(position, 1)
  }

  /** Of the first child that is not before the given one. */
  #positionOf(wanted: Child): number {
    let low = 0
    let high = this.#children.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const child = this.#children[middle]
      if (child !== undefined && compareChildren(child, wanted) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function compareChildren(a: Child, b: Child): number {
  return compareText(a.name, b.name) || compareText(a.id, b.id)
}
