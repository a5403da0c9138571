/**
 * A map that forgets what was set longest ago, about. It keeps two generations and drops the older one whole: taking out
 * single entries from the front of a `Map` costs more the more were taken out before.
 */
export class RecentMap<Value> {
  readonly #mostYoung: number
  readonly #sizeOf: (value: Value) => number
  #youngSize = 0
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  /**
   * @param most of all sizes together; at least half of it is kept. One entry may be larger than half
   * @param sizeOf the size of an entry, always the same. Default: 1
   */
  constructor(most: number, sizeOf: (value: Value) => number = () => 1) {
    this.#mostYoung = Math.ceil(most / 2)
    this.#sizeOf = sizeOf
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }

  set(key: string, value: Value): void {
    const size = this.#sizeOf(value)
    const former = this.#young.get(key)
    this.#youngSize += size - (former === undefined ? 0 : this.#sizeOf(former))
    if (this.#youngSize > this.#mostYoung) {
      this.#old = this.#young
      this.#young = new Map()
      this.#youngSize = size
    }
    this.#young.set(key, value)
  }

  delete(key: string): void {
    const former = this.#young.get(key)
    if (former !== undefined) this.#youngSize -= this.#sizeOf(former)
    this.#young.delete(key)
    this.#old.delete(key)
  }

  deleteWhere(isGone: (value: Value) => boolean): void {
    for (const generation of [this.#young, this.#old]) {
      for (const [key, value] of generation) if (isGone(value)) this.delete(key)
    }
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#youngSize = 0
  }
}
