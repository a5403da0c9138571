import { tmpdir } from 'node:os'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Scenario } from '../src/index.ts'
import { runScenario } from '../src/index.ts'

let searchPath: string | undefined
beforeEach(() => {
  searchPath = process.env['PATH']
})
afterEach(() => {
  process.env['PATH'] = searchPath
})

it('a scenario that the machine cannot do is not run, and says why', async () => {
  process.env['PATH'] = '/nowhere'
  const scenario: Scenario = {
    name: 'with-a-compiler',
    summary: '',
    needs: ['compiler'],
    inSmoke: false,
    plan: () => Promise.reject(new Error('it was run')),
  }
  const { signal } = new AbortController()
  const { outcome, reasons } = await runScenario(scenario, { seed: 1, runsFolder: tmpdir(), signal })
  expect(outcome).toBe('not run')
  expect(reasons.join()).toMatch(/^this machine has no compiler: /)
})

it('a run that breaks off has failed, and says why', async () => {
  const scenario: Scenario = {
    name: 'that-breaks-off',
    summary: '',
    needs: [],
    inSmoke: false,
    plan: () => Promise.reject(new Error('no plan')),
  }
  const { signal } = new AbortController()
  const { outcome, reasons } = await runScenario(scenario, { seed: 1, runsFolder: tmpdir(), signal })
  expect(outcome).toBe('failed')
  expect(reasons.join()).toContain('no plan')
})
