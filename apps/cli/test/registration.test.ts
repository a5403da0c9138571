import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome } from './_terminal.ts'

let system: TestSystem

beforeAll(async () => {
  system = await startSystem()
  await qcore(['schema', 'set', '-'], '{"type": "Device", "fields": {"Level": "Int"}}')
}, 30_000)

afterAll(() => system[Symbol.asyncDispose]())

function qcore(argv: readonly string[], input = ''): Promise<Outcome> {
  return terminal(argv, { env: { Q_URL: system.url, Q_TOKEN: system.token }, input })
}

async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await qcore(argv)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.trimEnd()
}

const json = async (...argv: string[]): Promise<unknown> => JSON.parse(await ok(...argv, '--json'))

describe('registration', () => {
  it('list shows what was registered, and end ends it', async () => {
    const response = await fetch(`${system.url}/qcore.store.v1.RegistrationService/Register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${system.token}` },
      body: JSON.stringify({ service: 'billing', subscriptions: [{ entityType: 'Device', fields: ['Level'] }] }),
    })
    const { registration } = (await response.json()) as { registration: { token: string } }
    const [header, row] = (await ok('registration', 'list', '--service', 'billing')).split('\n')
    expect(header).toMatch(/^token +service +owner +delivery +delivered +until/)
    expect(row).toMatch(new RegExp(`^${registration.token} +billing +ada +fan-out +\\d+ `))
    await ok('registration', 'end', registration.token)
    expect(await ok('registration', 'list', '--service', 'billing')).toBe('')
    expect(await json('registration', 'list', '--service', 'billing', '--ended', '--all')).toMatchObject({
      token: registration.token,
      end: { code: 'registration_ended' },
    })
    expect((await qcore(['registration', 'end', 'nothing'])).err).toContain('unknown_registration')
  })
})
