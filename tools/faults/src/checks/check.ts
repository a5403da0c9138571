import type { Recording } from '../history/recording.ts'

/** A check of a recording. What it finds must be nothing. */
export interface Check {
  readonly name: string
  /** What holds if it finds nothing, for the report. */
  readonly promise: string
  /** The violations, a line for people each. */
  find(this: void, recording: Recording): readonly string[]
}
