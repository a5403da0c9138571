import { connect, FieldValidator, type Client } from '@qcore/client'
import { openFaultProxy } from '@qcore/fault-proxy'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { ReadinessWorker, schemaValid, serviceSchema, storeConnected, StoreWorker } from '../src/index.ts'
import { loggedApplication } from './_logged-application.ts'
import { startStore, type TestStore } from './_store.ts'

const waiting = { timeout: 15_000, interval: 20 }

let store: TestStore
let q: Client

beforeAll(async () => {
  store = await startStore()
  q = await connect({ servers: inject('natsUrl'), store: store.name, token: store.token })
}, 60_000)

afterAll(async () => {
  await q.close()
  await store[Symbol.asyncDispose]()
})

async function servicesOf(application: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of q.find('Service', { where: { ApplicationName: application } })) ids.push(id)
  return ids
}

function running(name: string, client = q) {
  const { app, lines } = loggedApplication(name, { tickMs: 10 })
  const worker = new StoreWorker(client, { checkMs: 50, answerTimeoutMs: 500 })
  const events: string[] = []
  worker.connected.connect(() => void events.push('connected'))
  worker.disconnected.connect(() => void events.push('disconnected'))
  app.add(worker)
  return { app, lines, worker, events }
}

describe('the store worker', () => {
  let stops: (() => Promise<boolean>)[] = []

  beforeEach(() => {
    stops = []
  })

  afterEach(async () => {
    await Promise.all(stops.map((stop) => stop()))
  })

  it('makes one Service entity for all instances of an application that start at once, and finds it again', async () => {
    const instances = Array.from({ length: 5 }, () => running('thermostat'))
    for (const { app } of instances) stops.push(() => app.stop())
    await Promise.all(instances.map(({ app }) => app.start()))
    await vi.waitFor(() => expect(instances.every(({ worker }) => worker.isConnected)).toBe(true), waiting)
    const ids = new Set(instances.map(({ worker }) => worker.service.id))
    expect([...ids]).toEqual(await servicesOf('thermostat'))
    const later = running('thermostat')
    stops.push(() => later.app.stop())
    await later.app.start()
    await vi.waitFor(() => expect(later.events).toEqual(['connected']), waiting)
    expect(ids.has(later.worker.service.id)).toBe(true)
  })

  it('takes the Service entity that somebody else made, wherever it is', async () => {
    await q.setSchema(serviceSchema)
    const folder = await q.create('Folder', { parent: await q.root(), name: 'Services' })
    const made = await q.create('Service', { parent: folder, name: 'x', fields: { ApplicationName: 'placed' } })
    const { app, worker } = running('placed')
    stops.push(() => app.stop())
    await app.start()
    await vi.waitFor(() => expect(worker.isConnected).toBe(true), waiting)
    expect(worker.service.id).toBe(made.id)
  })

  it('changes the level of all loggers while the application runs, when LogLevel is written', async () => {
    const { app, lines, worker } = running('loud')
    stops.push(() => app.stop())
    let log = (): void => {}
    app.add({ name: 'talker', init: ({ logger }) => void (log = () => logger.debug('a detail')) })
    await app.start()
    await vi.waitFor(() => expect(worker.isConnected).toBe(true), waiting)
    expect((await q.read(worker.service, 'LogLevel')).value).toBe('info')
    log()
    await q.write(worker.service, 'LogLevel', 'debug')
    await vi.waitFor(() => expect(app.logger.level).toBe('debug'), waiting)
    log()
    expect(lines.filter(({ msg }) => msg === 'a detail')).toHaveLength(1)
    await q.write(worker.service, 'LogLevel', 'silent')
    await vi.waitFor(() => expect(app.logger.level).toBe('silent'), waiting)
  })

  it('begins with the level that the store has', async () => {
    const first = running('kept')
    await first.app.start()
    await vi.waitFor(() => expect(first.worker.isConnected).toBe(true), waiting)
    await q.write(first.worker.service, 'LogLevel', 'error')
    await first.app.stop()
    const { app, worker } = running('kept')
    stops.push(() => app.stop())
    await app.start()
    await vi.waitFor(() => expect(worker.isConnected).toBe(true), waiting)
    expect(app.logger.level).toBe('error')
  })

  it.each(['cut', 'hold'] as const)('tells when the store is out of reach (%s), and when it is back', async (fault) => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    await using far = await connect({ servers: proxy.url, store: store.name, token: store.token })
    const { app, worker, events } = running('remote', far)
    stops.push(() => app.stop())
    const readiness = new ReadinessWorker(storeConnected(worker))
    const changes: string[] = []
    readiness.becameReady.connect(() => void changes.push('ready'))
    readiness.becameUnready.connect(() => void changes.push('unready'))
    app.add(readiness)
    await app.start()
    await vi.waitFor(() => expect(changes).toEqual(['ready']), waiting)
    proxy[fault]()
    await vi.waitFor(() => expect(changes).toEqual(['ready', 'unready']), waiting)
    expect(worker.isConnected).toBe(false)
    expect((await app.checkHealth()).find(({ name }) => name === 'store')).toMatchObject({ ok: false })
    proxy.restore()
    await vi.waitFor(() => expect(changes).toEqual(['ready', 'unready', 'ready']), waiting)
    expect(events).toEqual(['connected', 'disconnected', 'connected'])
    // The level is followed again, too.
    await q.write(worker.service, 'LogLevel', fault === 'cut' ? 'warn' : 'error')
    await vi.waitFor(() => expect(app.logger.level).toBe(fault === 'cut' ? 'warn' : 'error'), waiting)
    await app.stop()
  })

  it('starts without a store, and connects when there is one', async () => {
    await using proxy = await openFaultProxy(inject('natsUrl'))
    await using far = await connect({ servers: proxy.url, store: store.name, token: store.token })
    proxy.cut()
    const { app, worker, events } = running('early', far)
    stops.push(() => app.stop())
    await app.start()
    expect(() => worker.service).toThrow(expect.objectContaining({ code: 'unavailable' }))
    proxy.restore()
    await vi.waitFor(() => expect(events).toEqual(['connected']), waiting)
    await app.stop()
  })

  it('makes its Service entity anew when somebody deleted it', async () => {
    const { app, worker, events } = running('doomed')
    stops.push(() => app.stop())
    await app.start()
    await vi.waitFor(() => expect(events).toEqual(['connected']), waiting)
    await q.delete(worker.service)
    await vi.waitFor(() => expect(events).toEqual(['connected', 'disconnected', 'connected']), waiting)
    expect(await servicesOf('doomed')).toEqual([worker.service.id])
    await q.write(worker.service, 'LogLevel', 'error')
    await vi.waitFor(() => expect(app.logger.level).toBe('error'), waiting)
  })
})

describe('the Service type', () => {
  it('gets the fields that it lacks, and keeps others', async () => {
    await using own = await startStore()
    await using q = await connect({ servers: inject('natsUrl'), store: own.name, token: own.token })
    await q.setSchema({ type: 'Service', fields: { ApplicationName: 'String', Site: 'String' } })
    const { app, worker } = running('grown', q)
    await app.start()
    await vi.waitFor(() => expect(worker.isConnected).toBe(true), waiting)
    await app.stop()
    const fields = Object.keys((await q.schema('Service')).fields)
    expect(fields).toEqual(expect.arrayContaining(['Site', ...Object.keys(serviceSchema.fields)]))
  })

  it('is made once, with a token of level admin; then level write does', async () => {
    await using own = await startStore()
    await using q = await connect({ servers: inject('natsUrl'), store: own.name, token: await own.mint('write') })
    const { app, worker } = running('modest', q)
    await app.start()
    await vi.waitFor(async () => {
      const { detail = '' } = (await app.checkHealth()).find(({ name }) => name === 'store') ?? {}
      expect(detail).toContain('admin')
    }, waiting)
    await using admin = await connect({ servers: inject('natsUrl'), store: own.name, token: own.token })
    await admin.setSchema(serviceSchema)
    await vi.waitFor(() => expect(worker.isConnected).toBe(true), waiting)
    await app.stop()
  })

  it('is not taken where one of its fields is of another type', async () => {
    await using own = await startStore()
    await using q = await connect({ servers: inject('natsUrl'), store: own.name, token: own.token })
    await q.setSchema({ type: 'Service', fields: { ApplicationName: 'String', LogLevel: 'Int' } })
    const { app } = running('odd', q)
    await app.start()
    await vi.waitFor(async () => {
      const { detail = '' } = (await app.checkHealth()).find(({ name }) => name === 'store') ?? {}
      expect(detail).toContain('Service.LogLevel is of the type Int, not Choice')
    }, waiting)
    await app.stop()
  })
})

describe('readiness', () => {
  it('comes when all criteria hold, those that throw and those that never answer do not, and goes with the end', async () => {
    const { app } = loggedApplication('ready', { tickMs: 5 })
    let isWarm = false
    const readiness = new ReadinessWorker({
      name: 'warm',
      holds() {
        if (!isWarm) throw new Error('too cold')
        return true
      },
    }).add({ name: 'always', holds: () => true })
    const changes: string[] = []
    readiness.becameReady.connect(() => void changes.push('ready'))
    readiness.becameUnready.connect(() => void changes.push('unready'))
    app.add(readiness)
    await app.start()
    await vi.waitFor(async () => {
      const checks = await app.checkHealth()
      expect(checks.find(({ name }) => name === 'warm')?.detail).toContain('too cold')
    }, waiting)
    expect(readiness.isReady).toBe(false)
    isWarm = true
    await vi.waitFor(() => expect(changes).toEqual(['ready']), waiting)
    isWarm = false
    await vi.waitFor(() => expect(changes).toEqual(['ready', 'unready']), waiting)
    isWarm = true
    await vi.waitFor(() => expect(readiness.isReady).toBe(true), waiting)
    await app.stop()
    expect(changes).toEqual(['ready', 'unready', 'ready', 'unready'])
  })

  it('waits for the types and fields that it is told of', async () => {
    const { app } = loggedApplication('schemas', { tickMs: 5 })
    const readiness = new ReadinessWorker(schemaValid(new FieldValidator(q).require('Boiler', ['Heat', 'Steam']), 100))
    app.add(readiness)
    await app.start()
    await q.setSchema({ type: 'Boiler', fields: { Heat: 'Int' } })
    await vi.waitFor(async () => {
      expect((await app.checkHealth())[1]?.detail).toContain('Boiler has no field Steam')
    }, waiting)
    expect(readiness.isReady).toBe(false)
    await q.setSchema({ type: 'Boiler', fields: { Heat: 'Int', Steam: 'Int' } })
    await vi.waitFor(() => expect(readiness.isReady).toBe(true), waiting)
    await app.stop()
  })
})
