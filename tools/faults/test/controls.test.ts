import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { allControls } from '../src/controls/all-controls.ts'
import { runControl } from '../src/run-control.ts'

let runsFolder: string
beforeEach(async () => {
  runsFolder = await mkdtemp(path.join(tmpdir(), 'qcore-controls-'))
})
afterEach(() => rm(runsFolder, { recursive: true }))

/** A cluster is more than a test should start. */
const small = allControls.filter(({ needs }) => needs.length === 0)

it.each(small.map((control) => [control.name, control] as const))(
  'the control %s is found out, by the checks that it is for',
  async (_, control) => {
    const { signal } = new AbortController()
    const { outcome, reasons, checks } = await runControl(control, { seed: 1, runsFolder, signal })
    expect({ outcome, reasons }).toEqual({ outcome: 'passed', reasons: [] })
    for (const name of control.bites) expect(checks[name]).toBeGreaterThan(0)
  },
)
