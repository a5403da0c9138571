import type { Claims, SecretBox } from '@qcore/access'
import type { TypePlan } from '@qcore/contracts'
import type { ChangeList } from '../record/change-list.ts'
import type { GroupState } from './group-state.ts'

/** A commit that is being made. */
export interface CommitContext {
  readonly state: GroupState
  readonly changes: ChangeList
  /** The revision that the commit has if it changes anything. */
  readonly revision: number
  /** Its time, in microseconds since 1970. */
  readonly timeUs: number
  readonly caller: Claims
  /** For secrets that are kept. */
  readonly secrets: SecretBox
  /** Of a dry run: what changes of types would do. */
  readonly plans?: TypePlan[] | undefined
}
