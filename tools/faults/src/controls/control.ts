import type { BackingServer } from '@qcore/local-stack'
import type { Ability } from '../faults/machine.ts'
import type { Recording } from '../history/recording.ts'

/** A small system that does something wrong. Checks that do not find it out are worth nothing. */
export interface Control {
  readonly name: string
  /** What it does wrong. */
  readonly summary: string
  readonly needs: readonly Ability[]
  /** The checks that must find something. */
  readonly bites: readonly string[]
  record(this: void, setting: ControlSetting): Promise<Recording>
}

export interface ControlSetting {
  readonly seed: number
  /** What is kept of the run. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly postgres: BackingServer
  readonly nats: BackingServer
}
