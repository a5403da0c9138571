/**
 * A map that forgets what was set longest ago, about. It keeps two generations and drops the older one whole: taking out
 * single entries from the front of a `Map` costs more the more were taken out before.
 */
export class RecentMap<Value> {
  readonly #mostYoung: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  /** @param most entries at most; at least half of them are kept */
  constructor(most: number) {
    this.#mostYoung = Math.ceil(most / 2)
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#mostYoung && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }

  delete(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}
