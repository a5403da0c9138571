import type { ChildrenRow } from '@qcore/database'
import { compareText } from '@qcore/model'

export interface Child {
  readonly id: string
  readonly name: string
  /** Counts where the parent's type orders its children explicitly. */
  readonly place: string
}

/** The children that a row tells of. */
export function childrenOf({ ids, names, places }: ChildrenRow): Child[] {
  return ids.map((id, index) => ({ id, name: names[index] ?? '', place: places[index] ?? '' }))
}

/** Bytes of memory that a list, and a child in it, take. */
const listBytes = 300
const childBytes = 150

/** The children of an entity, in the order of its type. Changed in place, so that a new child costs little. */
export class ChildList {
  readonly #children: Child[]
  #compare: (a: Child, b: Child) => number
  accountedSize = 0

  /** @param isOrdered whether the children are ordered by their places, otherwise by name */
  constructor(children: Iterable<Child>, isOrdered: boolean) {
    this.#compare = isOrdered ? compareByPlace : compareByName
    this.#children = [...children].sort(this.#compare)
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
    if (this.#compare === compareByPlace) return this.#children.find((child) => child.name === name)
    const child = this.#children[this.#positionOf({ name, id: '', place: '' })]
    return child?.name === name ? child : undefined
  }

  ids(): string[] {
    return this.#children.map(({ id }) => id)
  }

  /** Says whether the children are ordered by their places; for the list of a parent that was not there before. */
  setOrder(isOrdered: boolean): void {
    this.#compare = isOrdered ? compareByPlace : compareByName
    this.#children.sort(this.#compare)
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
      if (child !== undefined && this.#compare(child, wanted) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

function compareByName(a: Child, b: Child): number {
  return compareText(a.name, b.name) || compareText(a.id, b.id)
}

function compareByPlace(a: Child, b: Child): number {
  return compareText(a.place, b.place) || compareByName(a, b)
}
