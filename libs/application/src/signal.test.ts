import { describe, expect, it } from 'vitest'
import { metricsText } from '@qcore/service'
import { Signal } from './signal.ts'

describe('a signal', () => {
  it('calls its slots at once, in the order in which they were connected, with what it was given', () => {
    const signal = new Signal<[string, number]>('moved')
    const calls: string[] = []
    signal.connect((where, speed) => void calls.push(`first ${where} ${speed}`))
    signal.connect((where) => void calls.push(`second ${where}`))
    signal.emit('home', 3)
    expect(calls).toEqual(['first home 3', 'second home'])
  })

  it('does not call a slot that was disconnected, one way or another', () => {
    const signal = new Signal('moved')
    const calls: string[] = []
    const slot = (): void => void calls.push('slot')
    signal.connect(slot)
    signal.disconnect(slot)
    {
      using _connection = signal.connect(() => void calls.push('connection'))
      signal.emit()
    }
    signal.emit()
    signal.connect(slot)
    signal.disconnectAll()
    signal.emit()
    expect(calls).toEqual(['connection'])
  })

  it('connects a slot once', () => {
    const signal = new Signal('moved')
    let calls = 0
    const slot = (): void => void (calls += 1)
    signal.connect(slot)
    signal.connect(slot)
    signal.emit()
    expect(calls).toBe(1)
  })

  it('leaves out a slot that another one disconnects meanwhile, and one that is connected meanwhile', () => {
    const signal = new Signal('moved')
    const calls: string[] = []
    const second = (): void => void calls.push('second')
    signal.connect(() => {
      calls.push('first')
      signal.disconnect(second)
      signal.connect(() => void calls.push('late'))
    })
    signal.connect(second)
    signal.emit()
    expect(calls).toEqual(['first'])
  })

  it('calls the other slots when one throws or rejects, and reports and counts both', async () => {
    const failures: unknown[] = []
    const signal = new Signal('broken', (error) => void failures.push((error as Error).message))
    let calls = 0
    signal.connect(() => {
      throw new Error('thrown')
    })
    signal.connect(() => Promise.reject(new Error('rejected')))
    signal.connect(() => void (calls += 1))
    await signal.emitAndWait()
    expect(calls).toBe(1)
    expect(failures).toEqual(['thrown', 'rejected'])
    expect(await metricsText()).toContain('qcore_signal_failed_slots_total{signal="broken"} 2')
  })

  it('waits for what its slots promise if asked to', async () => {
    const signal = new Signal('moved')
    const release = Promise.withResolvers<void>()
    const steps: string[] = []
    signal.connect(async () => {
      await release.promise
      steps.push('slot')
    })
    const waiting = signal.emitAndWait().then(() => steps.push('emitted'))
    steps.push('called')
    release.resolve()
    await waiting
    expect(steps).toEqual(['called', 'slot', 'emitted'])
  })
})
