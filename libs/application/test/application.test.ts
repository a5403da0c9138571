import { metricsText } from '@qcore/service'
import { describe, expect, it, vi } from 'vitest'
import type { Worker, WorkerHandle } from '../src/index.ts'
import { loggedApplication } from './_logged-application.ts'

/** A worker that tells what happens to it. */
function teller(name: string, steps: string[], more: Partial<Worker> = {}): Worker {
  return {
    name,
    init: () => void steps.push(`${name} init`),
    deinit: () => void steps.push(`${name} deinit`),
    ...more,
  }
}

const hanging = (): Promise<void> => new Promise(() => {})

describe('an application', () => {
  it('begins its workers in order, gives each its turns, and ends them in the reverse order', async () => {
    const steps: string[] = []
    const { app } = loggedApplication('orderly', { tickMs: 5 })
    const turns = { a: 0, b: 0 }
    app.add(
      teller('a', steps, { doWork: () => void (turns.a += 1) }),
      teller('b', steps, { doWork: () => void (turns.b += 1) }),
    )
    await app.start()
    await vi.waitFor(() => expect(Math.min(turns.a, turns.b)).toBeGreaterThan(3))
    expect(await app.stop()).toBe(true)
    expect(steps).toEqual(['a init', 'b init', 'b deinit', 'a deinit'])
    const { a } = turns
    await new Promise(setImmediate)
    expect(turns.a).toBe(a)
  })

  it('tells a worker who and where it is', async () => {
    let given: WorkerHandle | undefined
    const { app } = loggedApplication('named')
    app.add({ init: (handle) => void (given = handle) })
    await app.start()
    expect(given).toMatchObject({ application: 'named', instanceId: app.instanceId })
    expect(given?.signal.aborted).toBe(false)
    await app.stop()
    expect(given?.signal.aborted).toBe(true)
  })

  it('runs the tasks of a worker in the order in which it enqueued them, and all of them before it ends', async () => {
    const steps: number[] = []
    const { app } = loggedApplication('fifo', { tickMs: 1 })
    let isEnded = false
    app.add({
      init(handle) {
        for (let task = 0; task < 500; task += 1) {
          handle.enqueue(async () => {
            if (task % 100 === 0) await new Promise(setImmediate)
            expect(isEnded).toBe(false)
            steps.push(task)
          })
        }
      },
      deinit: () => void (isEnded = true),
    })
    await app.start()
    await app.stop()
    expect(steps).toEqual(Array.from({ length: 500 }, (_, task) => task))
  })

  it('has one turn of a worker at a time', async () => {
    const { app } = loggedApplication('single', { tickMs: 1 })
    let running = 0
    let most = 0
    let turns = 0
    const turn = async (): Promise<void> => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 3))
      running -= 1
      turns += 1
    }
    app.add({ init: (handle) => void Array.from({ length: 5 }, () => handle.enqueue(turn)), doWork: turn })
    await app.start()
    await vi.waitFor(() => expect(turns).toBeGreaterThan(10))
    await app.stop()
    expect(most).toBe(1)
  })

  it('names a slow worker in the log and by a metric, and lets it stop no other', async () => {
    const { app, lines } = loggedApplication('uneven', { tickMs: 2, slowTurnMs: 30, stopTimeoutMs: 300 })
    let turns = 0
    app.add({ name: 'stuck', doWork: hanging }, { name: 'brisk', doWork: () => void (turns += 1) })
    await app.start()
    await vi.waitFor(() => expect(lines.filter(({ msg }) => msg === 'the worker is slow')).toHaveLength(1))
    const before = turns
    await vi.waitFor(() => expect(turns).toBeGreaterThan(before + 5))
    expect(lines.find(({ msg }) => msg === 'the worker is slow')).toMatchObject({ worker: 'stuck', level: 40 })
    const metrics = await metricsText()
    expect(metrics).toContain('qcore_worker_slow_turns_total{worker="stuck"} 1')
    expect(metrics).toContain('qcore_worker_slow_turns_total{worker="brisk"} 0')
    expect(await app.stop()).toBe(false)
    expect(lines.find(({ msg }) => msg === 'the last turn failed')).toMatchObject({ worker: 'stuck' })
  })

  it('goes on when a turn fails, and says whose', async () => {
    const { app, lines } = loggedApplication('failing', { tickMs: 2 })
    let turns = 0
    app.add({
      name: 'clumsy',
      doWork() {
        turns += 1
        throw new Error(`turn ${turns}`)
      },
    })
    await app.start()
    await vi.waitFor(() => expect(turns).toBeGreaterThan(2))
    expect(await app.stop()).toBe(true)
    expect(lines.find(({ msg }) => msg === 'a turn of the worker failed')).toMatchObject({
      worker: 'clumsy',
      err: { message: 'turn 1' },
    })
  })

  it('ends what it began when a worker cannot begin, and fails with its error', async () => {
    const steps: string[] = []
    const { app } = loggedApplication('half')
    app.add(
      teller('a', steps),
      teller('b', steps, {
        init() {
          throw new Error('no disk')
        },
      }),
      teller('c', steps),
    )
    await expect(app.start()).rejects.toThrow('no disk')
    expect(steps).toEqual(['a init', 'a deinit'])
  })

  it('does not wait for ever for a worker to begin, and names it', async () => {
    const steps: string[] = []
    const { app } = loggedApplication('late', { startTimeoutMs: 50 })
    app.add(teller('a', steps), { name: 'sleepy', init: hanging })
    await expect(app.start()).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringContaining('sleepy') as string,
    })
    expect(steps).toEqual(['a init', 'a deinit'])
  })

  it('can be stopped while it starts', async () => {
    const steps: string[] = []
    const { app } = loggedApplication('hasty')
    app.add(teller('a', steps), { name: 'sleepy', init: hanging })
    const starting = app.start()
    await new Promise(setImmediate)
    expect(await app.stop()).toBe(true)
    await expect(starting).rejects.toMatchObject({ code: 'canceled' })
    expect(steps).toEqual(['a init', 'a deinit'])
  })

  it('stops in bounded time, gives every worker its part of it, and names those that do not end', async () => {
    const steps: string[] = []
    const { app, lines } = loggedApplication('stubborn', { stopTimeoutMs: 400 })
    app.add(
      teller('a', steps),
      { name: 'stuck-1', deinit: hanging },
      { name: 'stuck-2', deinit: hanging },
      teller('b', steps, {
        deinit: () => Promise.reject(new Error('cannot')),
      }),
    )
    await app.start()
    const beganMs = performance.now()
    expect(await app.stop()).toBe(false)
    expect(performance.now() - beganMs).toBeLessThan(1_000)
    expect(steps).toEqual(['a init', 'b init', 'a deinit'])
    expect(lines.filter(({ msg }) => msg === 'deinit failed').map(({ worker }) => worker)).toEqual([
      'b',
      'stuck-2',
      'stuck-1',
    ])
  })

  it('refuses workers after its start, and a second start', async () => {
    const { app } = loggedApplication('once')
    await app.start()
    expect(() => app.add({})).toThrow(expect.objectContaining({ code: 'invalid_request' }))
    await expect(app.start()).rejects.toMatchObject({ code: 'invalid_request' })
    await app.stop()
  })

  it('names workers without a name after their class, and tells equal ones apart', async () => {
    class Pump implements Worker {
      doWork(): void {}
    }
    const { app, lines } = loggedApplication('pumps')
    app.add(new Pump(), new Pump(), {})
    await app.start()
    await app.stop()
    expect(lines.find(({ msg }) => msg === 'running')).toMatchObject({ workers: ['Pump', 'Pump-2', 'worker'] })
  })

  it('tells whether it runs, and what its workers say of themselves', async () => {
    const { app } = loggedApplication('healthy')
    app.add({ checkHealth: () => [{ name: 'pump', ok: false, detail: 'dry' }] })
    expect((await app.checkHealth())[0]).toMatchObject({ name: 'application', ok: false })
    await app.start()
    expect(await app.checkHealth()).toEqual([
      { name: 'application', ok: true, detail: 'running' },
      { name: 'pump', ok: false, detail: 'dry' },
    ])
    await app.stop()
  })
})
