import { RecentMap } from '@qcore/model'
import { afterTick } from '../calls/tick.ts'

/** How many entities' types are remembered: some ten megabytes. */
const rememberedEntities = 65_536

/** An entity as far as it is remembered. */
export interface TypedEntity {
  readonly id: string
  readonly type: string
}

/** Remembers of which types entities are. */
export class EntityTypes {
  readonly #types = new RecentMap<string>(rememberedEntities)
  /** Pages of answers that are not in the map yet. */
  #pages: (readonly TypedEntity[])[] = []

  get(id: string): string | undefined {
    this.#takePages()
    return this.#types.get(id)
  }

  set(id: string, type: string): void {
    this.#takePages()
    this.#types.set(id, type)
  }

  /** Remembers a page of an answer, after its caller got it: that takes as long as to decode it. */
  setLater(page: readonly TypedEntity[]): void {
    if (page.length === 0) return
    if (this.#pages.length === 0) afterTick(() => this.#takePages())
    this.#pages.push(page)
  }

  delete(id: string): void {
    this.#takePages()
    this.#types.delete(id)
  }

  clear(): void {
    this.#pages = []
    this.#types.clear()
  }

  #takePages(): void {
    if (this.#pages.length === 0) return
    for (const page of this.#pages) for (const { id, type } of page) this.#types.set(id, type)
    this.#pages = []
  }
}
