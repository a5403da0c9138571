import { within } from '../turns/within.ts'

/** What must hold. A check that throws, or takes longer than a second, does not hold. */
export interface Criterion {
  readonly name: string
  readonly holds: () => boolean | Promise<boolean>
}

/** How a criterion was found. */
export interface Finding {
  readonly name: string
  readonly ok: boolean
  /** For people. */
  readonly detail: string
}

const checkTimeoutMs = 1_000

/** Things that must all hold. */
export class Criteria {
  readonly #criteria: Criterion[] = []

  add(criterion: Criterion): void {
    this.#criteria.push(criterion)
  }

  /** In the order in which they were added. Never rejects. */
  check(): Promise<Finding[]> {
    return Promise.all(this.#criteria.map(checkOne))
  }
}

async function checkOne({ name, holds }: Criterion): Promise<Finding> {
  try {
    const ok = await within(checkTimeoutMs, name, holds)
    return { name, ok, detail: ok ? 'holds' : 'does not hold' }
  } catch (error) {
    return { name, ok: false, detail: String(error) }
  }
}
