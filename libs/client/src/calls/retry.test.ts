import { QError, type ErrorCode } from '@qcore/errors'
import { describe, expect, it, vi } from 'vitest'
import { retrying } from './retry.ts'

interface Script {
  /** What the attempts fail with, one after the other; then it works. */
  failures: ErrorCode[]
  isRead?: boolean
  isRepeatable?: boolean
  timeoutMs?: number
  signal?: AbortSignal
  renewToken?: () => boolean
}

function run(script: Script) {
  const { failures, isRead = false, isRepeatable = true, timeoutMs = 2_000, signal, renewToken = () => false } = script
  let attempts = 0
  const result = retrying(
    async () => {
      const code = failures[attempts]
      attempts += 1
      if (code !== undefined) throw new QError(code, 'scripted')
      return attempts
    },
    {
      deadlineAt: performance.now() + timeoutMs,
      signal: signal ?? new AbortController().signal,
      isRead,
      isRepeatable,
      renewToken,
    },
  )
  return { result, attempts: () => attempts }
}

const always = (code: ErrorCode): ErrorCode[] => Array.from({ length: 100 }, () => code)

describe('a call', () => {
  it.each([
    'no_responders',
    'not_leader',
    'overloaded',
    'rate_limited',
    'unavailable',
    'outcome_unknown',
    'deadline_exceeded',
  ] as const)('is made again after %s', async (code) => {
    await expect(run({ failures: [code] }).result).resolves.toBe(2)
    await expect(run({ failures: [code], isRead: true }).result).resolves.toBe(2)
  })

  it.each(['condition_failed', 'type_mismatch', 'internal', 'permission_denied', 'payload_too_large'] as const)(
    'is not made again after %s',
    async (code) => {
      const { result, attempts } = run({ failures: always(code) })
      await expect(result).rejects.toMatchObject({ code })
      expect(attempts()).toBe(1)
    },
  )

  it('ends at its deadline with an error that says nothing was done, if that is known', async () => {
    const startedAt = performance.now()
    const { result, attempts } = run({ failures: always('no_responders'), timeoutMs: 300 })
    await expect(result).rejects.toMatchObject({ code: 'no_responders' })
    expect(performance.now() - startedAt).toBeLessThan(1_500)
    expect(attempts()).toBeGreaterThan(2)
  })

  it('ends with outcome_unknown if any of its attempts may have been carried out', async () => {
    const failures: ErrorCode[] = ['no_responders', 'deadline_exceeded', ...always('no_responders')]
    await expect(run({ failures, timeoutMs: 300 }).result).rejects.toMatchObject({ code: 'outcome_unknown' })
  })

  it.each([
    ['outcome_unknown', 'outcome_unknown'],
    ['not_leader', 'not_leader'],
  ] as const)('that comes back from a pause after %s too late ends with %s', async (failure, code) => {
    vi.useFakeTimers()
    try {
      const { result, attempts } = run({ failures: [failure], timeoutMs: 100 })
      const ended = expect(result).rejects.toMatchObject({ code })
      await vi.advanceTimersByTimeAsync(0)
      vi.advanceTimersByTime(1_000)
      await ended
      expect(attempts()).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('that changes nothing leaves nothing in doubt', async () => {
    const failures: ErrorCode[] = ['deadline_exceeded', ...always('no_responders')]
    await expect(run({ failures, timeoutMs: 300, isRead: true }).result).rejects.toMatchObject({
      code: 'no_responders',
    })
  })

  it.each(['outcome_unknown', 'deadline_exceeded'] as const)(
    'that must not be repeated ends when %s leaves in doubt whether it was made',
    async (code) => {
      const { result, attempts } = run({ failures: ['no_responders', code], isRepeatable: false })
      await expect(result).rejects.toMatchObject({ code: 'outcome_unknown' })
      expect(attempts()).toBe(2)
    },
  )

  it('that must not be repeated may take all its time at once', async () => {
    const budgets: number[] = []
    await retrying(async (timeoutMs) => void budgets.push(timeoutMs), {
      deadlineAt: performance.now() + 60_000,
      signal: new AbortController().signal,
      isRead: false,
      isRepeatable: false,
      renewToken: () => false,
    })
    expect(budgets[0]).toBeGreaterThan(30_000)
  })

  it('is made again with another token, once', async () => {
    let renewals = 0
    const renewToken = () => {
      renewals += 1
      return true
    }
    await expect(run({ failures: ['token_expired'], renewToken }).result).resolves.toBe(2)
    await expect(run({ failures: always('token_expired'), renewToken }).result).rejects.toMatchObject({
      code: 'token_expired',
    })
    expect(renewals).toBe(2)
  })

  it('with one token for all ends when that has expired; what was sent before stays in doubt', async () => {
    await expect(run({ failures: always('token_expired') }).result).rejects.toMatchObject({ code: 'token_expired' })
    await expect(run({ failures: ['outcome_unknown', 'token_expired'] }).result).rejects.toMatchObject({
      code: 'outcome_unknown',
    })
  })

  it('waits as long as the gateway asks it to', async () => {
    const metadata = { retry_after_seconds: '3600' }
    const limited = retrying(() => Promise.reject(new QError('rate_limited', 'slow down', { metadata })), {
      deadlineAt: performance.now() + 60_000,
      signal: new AbortController().signal,
      isRead: true,
      isRepeatable: true,
      renewToken: () => false,
    })
    await expect(limited).rejects.toMatchObject({ code: 'rate_limited' })
  })

  it('ends with its signal, also between two attempts', async () => {
    const controller = new AbortController()
    const { result } = run({ failures: always('no_responders'), signal: controller.signal })
    controller.abort()
    await expect(result).rejects.toMatchObject({ code: 'canceled' })
  })

  it('gives an attempt no more time than is left', async () => {
    const budgets: number[] = []
    await retrying(
      async (timeoutMs) => {
        budgets.push(timeoutMs)
        if (budgets.length < 3) throw new QError('no_responders', 'scripted')
      },
      {
        deadlineAt: performance.now() + 60_000,
        signal: new AbortController().signal,
        isRead: false,
        isRepeatable: true,
        renewToken: () => false,
      },
    )
    expect(budgets).toEqual([2_000, 4_000, 8_000])
    const late = retrying(async () => 'late', {
      deadlineAt: performance.now() - 1,
      signal: new AbortController().signal,
      isRead: false,
      isRepeatable: true,
      renewToken: () => false,
    })
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' })
  })
})
