import { compareOrdered, type CheckedOrder, type Ordered } from '@qcore/query'

/** What a member of a result was, and is; undefined: none. */
export interface MemberChange<Member> {
  readonly before: Member | undefined
  readonly after: Member | undefined
}

/** A step from one result to the next: positions are of the list as the steps before it have left it. */
export type ResultStep<Member> =
  | { readonly kind: 'enter'; readonly member: Member; readonly position: number }
  | { readonly kind: 'change'; readonly member: Member; readonly position: number; readonly previousPosition: number }
  | { readonly kind: 'leave'; readonly member: Member; readonly previousPosition: number }

/** The members of a result, in order; of those only the first so many are shown. */
export class OrderedResult<Member extends Ordered> {
  readonly #order: readonly Pick<CheckedOrder, 'descending'>[]
  readonly #limit: number
  readonly #isSame: (a: Member, b: Member) => boolean
  #members: Member[] = []

  /**
   * @param limit how many are shown; 0: all
   * @param isSame whether two members show the same
   */
  constructor(
    order: readonly Pick<CheckedOrder, 'descending'>[],
    limit: number,
    isSame: (a: Member, b: Member) => boolean,
  ) {
    this.#order = order
    this.#limit = limit
    this.#isSame = isSame
  }

  /** Those that are shown, in order. */
  get shown(): readonly Member[] {
    return this.#limit === 0 ? this.#members : this.#members.slice(0, this.#limit)
  }

  /** Takes the changes of one revision; gives the steps that lead from what was shown to what is. */
  apply(changes: readonly MemberChange<Member>[]): ResultStep<Member>[] {
    if (this.#limit === 0) return changes.flatMap((change) => this.#applyOne(change))
    const before = this.shown
    for (const change of changes) this.#applyOne(change)
    return this.#stepsBetween(before, this.shown)
  }

  #applyOne({ before, after }: MemberChange<Member>): ResultStep<Member>[] {
    const previousPosition = before === undefined ? -1 : this.#positionOf(before)
    if (before !== undefined) this.#members.splice(previousPosition, 1)
    if (after === undefined) return before === undefined ? [] : [{ kind: 'leave', member: before, previousPosition }]
    const position = this.#positionOf(after)
    this.#members.splice(position, 0, after)
    if (before === undefined) return [{ kind: 'enter', member: after, position }]
    if (position === previousPosition && this.#isSame(before, after)) return []
    return [{ kind: 'change', member: after, position, previousPosition }]
  }

  /** What leaves goes first, the last one before the others; then each place is filled, from the first one on. */
  #stepsBetween(before: readonly Member[], after: readonly Member[]): ResultStep<Member>[] {
    const steps: ResultStep<Member>[] = []
    const stays = new Map(after.map((member) => [member.id, member]))
    const list = [...before]
    for (let position = list.length - 1; position >= 0; position--) {
      const member = list[position]
      if (member === undefined || stays.has(member.id)) continue
      list.splice(position, 1)
      steps.push({ kind: 'leave', member, previousPosition: position })
    }
    const known = new Map(before.map((member) => [member.id, member]))
    for (const [position, member] of after.entries()) {
      const old = known.get(member.id)
      if (old === undefined) {
        list.splice(position, 0, member)
        steps.push({ kind: 'enter', member, position })
        continue
      }
      const previousPosition =
        list[position]?.id === member.id ? position : list.findIndex(({ id }) => id === member.id)
      list.splice(previousPosition, 1)
      list.splice(position, 0, member)
      if (position === previousPosition && this.#isSame(old, member)) continue
      steps.push({ kind: 'change', member, position, previousPosition })
    }
    return steps
  }

  /** Of the first member that is not before the given one. */
  #positionOf(wanted: Member): number {
    let low = 0
    let high = this.#members.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const member = this.#members[middle]
      if (member !== undefined && compareOrdered(this.#order, member, wanted) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
