import type { MessageInitShape } from '@bufbuild/protobuf'
import { BackPressure, Membership, QueryChangeKind, type NotificationSchema, type WatchRequest } from '@qcore/contracts'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ResultList, type Notification, type NotifyOptions, type SubtreeNotification } from '../src/index.ts'
import { connectTo, serviceError, type Script } from './_scripted.ts'

const live = (revision: bigint, logId = 'log') => ({ event: { case: 'live' as const, value: { revision, logId } } })
const progress = (revision: bigint) => ({ event: { case: 'progress' as const, value: { revision } } })

function change(revision: bigint, { subscriptions = [0], value = revision, more = false } = {}) {
  const current = { entityId: 'a', name: 'Count', revision, value: int(value) }
  return {
    event: { case: 'notifications' as const, value: { revision, more, notifications: [{ subscriptions, current }] } },
  }
}

const int = (value: bigint) => ({ kind: { case: 'int' as const, value } })

function revisionOf(revision: bigint, ...notifications: MessageInitShape<typeof NotificationSchema>[]) {
  return { event: { case: 'notifications' as const, value: { revision, notifications } } }
}

/** Changes of one field from one revision to another, told as one. */
function folded(from: bigint, to: bigint, { more = false, entityId = 'a' } = {}) {
  const notification = {
    subscriptions: [0],
    previous: { entityId, name: 'Count', revision: from - 1n, value: int(from - 1n) },
    current: { entityId, name: 'Count', revision: to, value: int(to) },
  }
  const notifications = [{ notification, firstRevision: from, lastRevision: to, changes: Number(to - from) + 1 }]
  return {
    event: { case: 'folded' as const, value: { firstRevision: from, lastRevision: to, more, notifications } },
  }
}

type Step =
  | ReturnType<typeof folded>
  | ReturnType<typeof revisionOf>
  | ReturnType<typeof live>
  | ReturnType<typeof progress>
  | ReturnType<typeof change>

/** Plays one list of responses a stream; a stream with nothing after it stays open, one with an error ends with it. */
function player(...streams: (Step | Error)[][]) {
  const requests: WatchRequest[] = []
  const opened = Promise.withResolvers<AbortSignal>()
  const watch: NonNullable<Script['watch']>['watch'] = async function* (request, { signal }) {
    const steps = streams[requests.length] ?? []
    requests.push(request)
    opened.resolve(signal)
    for (const step of steps) {
      if (step instanceof Error) throw step
      yield step
    }
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
  return { requests, watch, opened: opened.promise }
}

const target = { entity: 'a', fields: ['Count'] }

describe('notifications', () => {
  it('of one tick share a stream, and each reaches its callback in order', async () => {
    const { requests, watch } = player([
      live(5n),
      change(6n, { subscriptions: [0, 2] }),
      change(7n, { subscriptions: [1] }),
    ])
    await using q = await connectTo({ watch: { watch } })
    const seen: string[] = []
    await Promise.all(
      ['x', 'y', 'z'].map((name) => q.notify(target, ({ revision }) => void seen.push(`${name}${revision}`))),
    )
    await vi.waitFor(() => expect(seen).toEqual(['x6', 'z6', 'y7']))
    expect(requests).toHaveLength(1)
    expect(requests[0]?.subscriptions).toHaveLength(3)
    expect(q.revision).toBe(7)
  })

  it('of a revision are handed on when all its parts are there', async () => {
    const { watch } = player(
      [live(5n), change(6n, { more: true }), serviceError('unavailable')],
      [live(5n), change(6n, { value: 1n, more: true }), change(6n, { value: 2n })],
    )
    await using q = await connectTo({ watch: { watch } })
    const seen: unknown[] = []
    await q.notify(target, ({ current }) => void seen.push(current.value))
    await vi.waitFor(() => expect(seen).toHaveLength(2))
    expect(seen).toEqual([1n, 2n])
  })

  it.each(['unavailable', 'no_responders', 'too_slow', 'internal', 'deadline_exceeded'] as const)(
    'go on after %s from the last revision handled, without repeats',
    async (code) => {
      const { requests, watch } = player(
        [live(5n), change(6n), progress(9n), serviceError(code)],
        [live(9n), change(9n), change(10n)],
      )
      await using q = await connectTo({ watch: { watch } })
      const seen: number[] = []
      const onInterruption = vi.fn<(error: Error) => void>()
      const subscription = await q.notify(target, ({ revision }) => void seen.push(revision), { onInterruption })
      await vi.waitFor(() => expect(seen).toEqual([6, 10]))
      expect(requests[1]).toMatchObject({ resumeAfter: 9n, logId: 'log' })
      expect(onInterruption).toHaveBeenCalledWith(expect.objectContaining({ code }))
      await vi.waitFor(() => expect(subscription.position).toEqual({ revision: 10, logId: 'log' }))
    },
  )

  it('begin after a revision if asked to', async () => {
    const { requests, watch } = player([live(3n)])
    await using q = await connectTo({ watch: { watch } })
    const subscription = await q.notify(target, () => {}, { resumeAfter: { revision: 3, logId: 'old' } })
    expect(requests[0]).toMatchObject({ resumeAfter: 3n, logId: 'old' })
    expect(subscription.liveRevision).toBe(3)
  })

  it('that begin after different revisions, or are too many for one stream, have streams of their own', async () => {
    const { requests, watch } = player([live(3n)], [live(4n)], [live(5n)], [live(5n)])
    await using q = await connectTo({ watch: { watch } })
    await Promise.all([
      q.notify(target, () => {}, { resumeAfter: { revision: 3 } }),
      q.notify(target, () => {}, { resumeAfter: { revision: 4 } }),
      ...Array.from({ length: 10_001 }, () => q.notify(target, () => {})),
    ])
    expect(requests.map(({ resumeAfter }) => resumeAfter)).toEqual([3n, 4n, undefined, undefined])
    expect(requests.map(({ subscriptions }) => subscriptions.length)).toEqual([1, 1, 10_000, 1])
  })

  it.each(['compacted', 'log_replaced', 'permission_denied'] as const)('end with %s, and say so', async (code) => {
    const { watch } = player([live(5n), serviceError('unavailable')], [serviceError(code)])
    await using q = await connectTo({ watch: { watch } })
    const subscription = await q.notify(target, () => {})
    await expect(subscription.closed).rejects.toMatchObject({ code })
  })

  it('that one subscription makes impossible go on for the others', async () => {
    const { requests, watch } = player(
      [serviceError('unknown_field', 'no such field', 'subscriptions[1].fields[0]')],
      [live(5n), change(6n, { subscriptions: [0, 1] })],
    )
    await using q = await connectTo({ watch: { watch } })
    const seen: string[] = []
    const results = await Promise.allSettled(
      ['x', 'y', 'z'].map((name) => q.notify(target, () => void seen.push(name))),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'unknown_field', field: 'fields[0]' } })
    await vi.waitFor(() => expect(seen).toEqual(['x', 'z']))
    expect(requests[1]?.subscriptions).toHaveLength(2)
  })

  it('wait for a callback that takes its time', async () => {
    const { watch } = player([live(5n), change(6n), change(7n)])
    await using q = await connectTo({ watch: { watch } })
    const gate = Promise.withResolvers<void>()
    const seen: number[] = []
    await q.notify(target, async ({ revision }) => {
      seen.push(revision)
      await gate.promise
    })
    await vi.waitFor(() => expect(seen).toEqual([6]))
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(seen).toEqual([6])
    gate.resolve()
    await vi.waitFor(() => expect(seen).toEqual([6, 7]))
  })

  it('whose callback throws end, and only they', async () => {
    const { watch } = player([live(5n), change(6n, { subscriptions: [0, 1] }), change(7n, { subscriptions: [0, 1] })])
    await using q = await connectTo({ watch: { watch } })
    const seen: number[] = []
    const [broken] = await Promise.all([
      q.notify(target, () => {
        throw new Error('mine')
      }),
      q.notify(target, ({ revision }) => void seen.push(revision)),
    ])
    await expect(broken.closed).rejects.toThrow('mine')
    await vi.waitFor(() => expect(seen).toEqual([6, 7]))
  })

  it('of a field whose value before is not known any more come without it', async () => {
    const change = {
      subscriptions: [0],
      current: { entityId: 'a', name: 'Count', revision: 6n, value: int(2n) },
      previous: { entityId: 'a', name: 'Count', revision: 3n },
    }
    const left = { subscriptions: [0], previous: change.previous, membership: Membership.LEFT }
    const { watch } = player([live(5n), revisionOf(6n, change, left)])
    await using q = await connectTo({ watch: { watch } })
    const seen: SubtreeNotification[] = []
    await q.notify({ within: 'root', type: 'Device', fields: ['Count'] }, (each) => void seen.push(each))
    await vi.waitFor(() => expect(seen).toHaveLength(2))
    expect(seen[0]).toMatchObject({ name: 'Count', current: { value: 2n }, previous: undefined })
    expect(seen[1]).toMatchObject({ entityId: 'a', name: 'Count', membership: 'left' })
    expect(seen[1]).toMatchObject({ current: undefined, previous: undefined })
  })

  it('that cannot be read end those whom they are for, before anything of the revision was told', async () => {
    const current = { entityId: 'a', name: 'Count', revision: 6n, value: int(6n) }
    const readable = { subscriptions: [0, 1], current }
    const unreadable = { subscriptions: [1], current: { ...current, value: {} } }
    const { requests, watch } = player([live(5n), revisionOf(6n, readable, unreadable), change(7n)])
    await using q = await connectTo({ watch: { watch } })
    const seen: string[] = []
    const [, broken] = await Promise.all(
      ['x', 'y'].map((name) => q.notify(target, ({ revision }) => void seen.push(`${name}${revision}`))),
    )
    await expect(broken?.closed).rejects.toMatchObject({ code: 'internal' })
    expect(broken?.position.revision).toBe(5)
    await vi.waitFor(() => expect(seen).toEqual(['x6', 'x7']))
    expect(requests).toHaveLength(1)
  })

  it('stop for who unsubscribes; the stream ends with the last', async () => {
    const { watch, opened } = player([live(5n)])
    await using q = await connectTo({ watch: { watch } })
    const controller = new AbortController()
    const [first, second] = await Promise.all([
      q.notify(target, () => {}),
      q.notify(target, () => {}, { signal: controller.signal }),
    ])
    const signal = await opened
    await first.unsubscribe()
    await first.closed
    expect(signal.aborted).toBe(false)
    controller.abort()
    await second.closed
    await vi.waitFor(() => expect(signal.aborted).toBe(true))
  })

  it('of a stream that goes on without a subscription are not counted as delivered to it', async () => {
    const hasLeft = Promise.withResolvers<void>()
    const watch: NonNullable<Script['watch']>['watch'] = async function* (_request, { signal }) {
      yield live(5n)
      yield change(6n, { subscriptions: [0, 1] })
      await hasLeft.promise
      yield change(7n, { subscriptions: [0, 1] })
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    await using q = await connectTo({ watch: { watch } })
    const seen: string[] = []
    const [leaver, stayer] = await Promise.all(
      ['x', 'y'].map((name) => q.notify(target, ({ revision }) => void seen.push(`${name}${revision}`))),
    )
    await vi.waitFor(() => expect(stayer?.position.revision).toBe(6))
    await leaver?.unsubscribe()
    hasLeft.resolve()
    await vi.waitFor(() => expect(stayer?.position.revision).toBe(7))
    expect(seen).toEqual(['x6', 'y6', 'y7'])
    expect(leaver?.position).toEqual({ revision: 6, logId: 'log' })
  })

  it('of a query are live when the result that they begin with is there', async () => {
    const isAsked = Promise.withResolvers<void>()
    const mayAnswer = Promise.withResolvers<void>()
    const watch: NonNullable<Script['watch']>['watch'] = async function* (_request, { signal }) {
      yield live(5n)
      isAsked.resolve()
      await mayAnswer.promise
      yield { event: { case: 'notifications', value: { revision: 5n, notifications: [] } } }
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    await using q = await connectTo({ watch: { watch } })
    let isLive = false
    const subscribing = q
      .notify({ query: 'FROM Device', initial: true }, () => undefined)
      .then((subscription) => {
        isLive = true
        return subscription
      })
    await isAsked.promise
    await new Promise((resolve) => setImmediate(resolve))
    expect(isLive).toBe(false)
    mayAnswer.resolve()
    expect((await subscribing).position.revision).toBe(5)
  })

  it('of a query tell which column does not fit a message, and go on', async () => {
    const entity = { id: 'a', type: 'Device', name: 'lamp', parentId: 'root', createdRevision: 1n }
    const problem = { code: 'payload_too_large', message: 'too large' }
    const fields = [
      { outcome: { case: 'problem' as const, value: problem } },
      { outcome: { case: 'field' as const, value: { value: int(3n) } } },
    ]
    const value = { entityId: 'a', entity: { entity, fields }, columns: ['Picture', 'Level'], initial: true }
    const entering = { case: 'query' as const, value: { ...value, kind: QueryChangeKind.ENTER } }
    const { requests, watch } = player([
      live(5n),
      revisionOf(5n, { subscriptions: [0], event: entering }),
      change(6n, { subscriptions: [1] }),
    ])
    await using q = await connectTo({ watch: { watch } })
    const result = new ResultList()
    const seen: number[] = []
    await Promise.all([
      q.notify({ query: 'SELECT Picture, Level FROM Device' }, (each) => result.apply(each)),
      q.notify(target, ({ revision }) => void seen.push(revision)),
    ])
    await vi.waitFor(() => expect(seen).toEqual([6]))
    expect(result.entities).toMatchObject([
      { id: 'a', fields: { Level: { value: 3n } }, problems: { Picture: { code: 'payload_too_large' } } },
    ])
    expect(result.entities[0]?.fields).not.toHaveProperty('Picture')
    expect(requests).toHaveLength(1)
  })

  it('that do not become live in time fail', async () => {
    const { requests, watch } = player(...Array.from({ length: 50 }, () => [serviceError('no_responders')]))
    await using q = await connectTo({ watch: { watch } })
    await expect(q.notify(target, () => {}, { timeoutMs: 150 })).rejects.toMatchObject({ code: 'no_responders' })
    expect(requests.length).toBeGreaterThan(1)
  })

  it('that nobody answers fail in time', async () => {
    const { watch } = player([])
    await using q = await connectTo({ watch: { watch } })
    await expect(q.notify(target, () => {}, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('go on over another connection when nothing comes any more, unless it is the callback that takes its time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { requests, watch } = player([live(5n), change(6n)], [live(6n), change(7n)])
    await using q = await connectTo({ watch: { watch } })
    const gate = Promise.withResolvers<void>()
    const seen: number[] = []
    const interruptions: string[] = []
    const take = async ({ revision }: Notification): Promise<void> => {
      seen.push(revision)
      await gate.promise
    }
    await q.notify(target, take, { onInterruption: ({ code }) => void interruptions.push(code) })
    await vi.advanceTimersByTimeAsync(100_000)
    expect(seen).toEqual([6])
    expect(requests).toHaveLength(1)
    gate.resolve()
    await vi.advanceTimersByTimeAsync(14_000)
    expect(interruptions).toEqual([])
    await vi.advanceTimersByTimeAsync(3_000)
    expect(interruptions).toEqual(['unavailable'])
    expect(requests[1]?.resumeAfter).toBe(6n)
    expect(seen).toEqual([6, 7])
  })

  it('of the latest tell how many changes they are of, and go on after the last of them', async () => {
    const parts = [folded(7n, 9n, { more: true }), folded(10n, 10n, { entityId: 'b' })]
    const { requests, watch } = player(
      [live(5n), change(6n), ...parts, folded(9n, 10n), serviceError('unavailable')],
      [live(10n), change(10n), folded(11n, 30n)],
    )
    await using q = await connectTo({ watch: { watch } })
    const seen: unknown[] = []
    const subscription = await q.notify(
      target,
      ({ entityId, revision, previous, current, folded: of }) =>
        void seen.push([entityId, revision, previous?.value, current.value, of]),
      { backPressure: 'latest', minIntervalMs: 50 },
    )
    await vi.waitFor(() => expect(seen).toHaveLength(4))
    expect(seen).toEqual([
      ['a', 6, undefined, 6n, undefined],
      ['a', 9, 6n, 9n, { firstRevision: 7, changes: 3 }],
      ['b', 10, 9n, 10n, undefined],
      ['a', 30, 10n, 30n, { firstRevision: 11, changes: 20 }],
    ])
    const asked = { backPressure: BackPressure.LATEST, minIntervalMs: 50 }
    expect(requests).toMatchObject([asked, { ...asked, resumeAfter: 10n }])
    await vi.waitFor(() => expect(subscription.position.revision).toBe(30))
  })

  it('of the latest, and others, have streams of their own', async () => {
    const { requests, watch } = player([live(5n)], [live(5n)], [live(5n)])
    await using q = await connectTo({ watch: { watch } })
    const latest = { backPressure: 'latest' } as const
    await Promise.all([
      q.notify(target, () => {}),
      q.notify(target, () => {}, latest),
      q.notify(target, () => {}, { ...latest, minIntervalMs: 20 }),
      q.notify(target, () => {}, latest),
    ])
    expect(requests.map(({ backPressure, subscriptions }) => [backPressure, subscriptions.length])).toEqual([
      [BackPressure.UNSPECIFIED, 1],
      [BackPressure.LATEST, 2],
      [BackPressure.LATEST, 1],
    ])
  })

  it('of the latest are silent for the time between two without being lost', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { requests, watch } = player([live(5n), change(6n)], [live(6n)])
    await using q = await connectTo({ watch: { watch } })
    const seen: number[] = []
    const options = { backPressure: 'latest', minIntervalMs: 20_000 } as const
    await q.notify(target, ({ revision }) => void seen.push(revision), options)
    await vi.waitFor(() => expect(seen).toEqual([6]))
    await vi.advanceTimersByTimeAsync(34_000)
    expect(requests).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(requests).toHaveLength(2)
  })

  it.each([
    [{ minIntervalMs: 100 }, 'minIntervalMs'],
    [{ backPressure: 'latest', minIntervalMs: -1 }, 'minIntervalMs'],
    [{ backPressure: 'latest', minIntervalMs: 60_001 }, 'minIntervalMs'],
    [{ backPressure: 'newest' }, 'backPressure'],
  ])('with options that mean nothing are refused: %j', async (options, field) => {
    const { requests, watch } = player([live(5n)])
    await using q = await connectTo({ watch: { watch } })
    const refused = { code: 'invalid_request', field }
    await expect(q.notify(target, () => {}, options as NotifyOptions)).rejects.toMatchObject(refused)
    await expect(q.notifications(target, options as NotifyOptions)).rejects.toMatchObject(refused)
    expect(requests).toEqual([])
  })

  it('with a signal that is aborted already are refused', async () => {
    const { watch } = player([live(5n)])
    await using q = await connectTo({ watch: { watch } })
    await expect(q.notify(target, () => {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'canceled',
    })
  })

  it('tell progress', async () => {
    const { watch } = player([live(5n), progress(8n), change(9n)])
    await using q = await connectTo({ watch: { watch } })
    const marks: number[] = []
    await q.notify(target, () => {}, { onProgress: (revision) => void marks.push(revision) })
    await vi.waitFor(() => expect(marks).toEqual([8, 9]))
  })
})

describe('iterating over notifications', () => {
  it('gives them in order, and unsubscribes at the end of the loop', async () => {
    const { watch, opened } = player([live(5n), change(6n), change(7n), change(8n)])
    await using q = await connectTo({ watch: { watch } })
    const seen: number[] = []
    for await (const { revision } of await q.notifications(target)) {
      seen.push(revision)
      if (seen.length === 2) break
    }
    expect(seen).toEqual([6, 7])
    const signal = await opened
    await vi.waitFor(() => expect(signal.aborted).toBe(true))
  })

  it('goes on elsewhere from what was taken, not from what waits to be', async () => {
    const last = change(8n).event.value.notifications
    const { requests, watch } = player([live(5n), change(6n), change(7n), revisionOf(8n, ...last, ...last)], [live(7n)])
    await using q = await connectTo({ watch: { watch } })
    const marks: number[] = []
    const notifications = await q.notifications(target, { onProgress: (revision) => void marks.push(revision) })
    await vi.waitFor(() => expect(marks).toEqual([6, 7, 8]))
    const positions = [notifications.subscription.position.revision]
    for (let count = 0; count < 3; count += 1) {
      await notifications.next()
      positions.push(notifications.subscription.position.revision)
    }
    expect(positions).toEqual([5, 6, 7, 7])
    await notifications.return()
    const { position } = notifications.subscription
    expect(position).toEqual({ revision: 7, logId: 'log' })
    await q.notifications(target, { resumeAfter: position })
    expect(requests[1]?.resumeAfter).toBe(7n)
  })

  it('has taken all when nothing waits', async () => {
    const { watch } = player([live(5n), change(6n), progress(9n)])
    await using q = await connectTo({ watch: { watch } })
    const notifications = await q.notifications(target)
    await notifications.next()
    await vi.waitFor(() => expect(notifications.subscription.position.revision).toBe(9))
  })

  it('buffers a bounded number', async () => {
    let sent = 0
    const watch: NonNullable<Script['watch']>['watch'] = async function* () {
      yield live(0n)
      for (; sent < 10_000; sent += 1) yield change(BigInt(sent + 1))
    }
    await using q = await connectTo({ watch: { watch } })
    const notifications = await q.notifications(target)
    await vi.waitFor(() => expect(sent).toBeGreaterThan(200))
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    expect(sent).toBeLessThan(300)
    const seen: Notification[] = []
    for await (const notification of notifications) {
      seen.push(notification)
      if (seen.length === 1_000) break
    }
    expect(seen.map(({ revision }) => revision)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
  })

  it('of the latest buffers one', async () => {
    let sent = 0
    const watch: NonNullable<Script['watch']>['watch'] = async function* () {
      yield live(0n)
      for (; sent < 100; sent += 1) yield change(BigInt(sent + 1))
    }
    await using q = await connectTo({ watch: { watch } })
    const notifications = await q.notifications(target, { backPressure: 'latest' })
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    expect(sent).toBeLessThan(4)
    await notifications.return()
  })

  it('gives the result of a query that is larger than what is buffered', async () => {
    const count = 1_000
    const notifications = Array.from({ length: count }, (_, position) => ({
      subscriptions: [0],
      event: {
        case: 'query' as const,
        value: { kind: QueryChangeKind.ENTER, entityId: `e${position}`, position, initial: true },
      },
    }))
    const watch: NonNullable<Script['watch']>['watch'] = async function* (_request, { signal }) {
      yield live(5n)
      yield { event: { case: 'notifications' as const, value: { revision: 5n, notifications } } }
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    }
    await using q = await connectTo({ watch: { watch } })
    let seen = 0
    for await (const { entityId } of await q.notifications({ query: 'FROM Device' })) {
      expect(entityId).toBe(`e${seen}`)
      seen += 1
      if (seen === count) break
    }
    expect(seen).toBe(count)
  })

  it('throws what ends the subscription', async () => {
    const { watch } = player([live(5n), change(6n), serviceError('compacted')])
    await using q = await connectTo({ watch: { watch } })
    const notifications = await q.notifications(target)
    await expect(notifications.next()).resolves.toMatchObject({ value: { revision: 6 } })
    await expect(notifications.next()).rejects.toMatchObject({ code: 'compacted' })
    await expect(notifications.next()).resolves.toMatchObject({ done: true })
  })

  it('ends with canceled when the client is closed', async () => {
    const { watch } = player([live(5n)])
    const q = await connectTo({ watch: { watch } })
    const notifications = await q.notifications(target)
    const next = expect(notifications.next()).rejects.toMatchObject({ code: 'canceled' })
    await q.close()
    await next
  })
})
