import { expect, it } from 'vitest'
import { SecretBox } from './secret-box.ts'

const deployment = 'a-secret-of-the-deployment-0123456789'
const box = new SecretBox(deployment)

it('opens what was sealed, and seals it differently each time', () => {
  const sealed = box.seal('schedule-1', 'whsec_geheim')
  expect(new SecretBox(deployment).open('schedule-1', sealed)).toBe('whsec_geheim')
  expect(sealed.includes('geheim')).toBe(false)
  expect(box.seal('schedule-1', 'whsec_geheim')).not.toEqual(sealed)
})

it.each<[string, string, string, (sealed: Buffer) => Uint8Array]>([
  ['another owner', deployment, 'schedule-2', (sealed) => sealed],
  ['another deployment', `${deployment}x`, 'schedule-1', (sealed) => sealed],
  ['a changed byte', deployment, 'schedule-1', (sealed) => sealed.map((byte, at) => (at === 30 ? ~byte : byte))],
  ['a cut end', deployment, 'schedule-1', (sealed) => sealed.subarray(0, 20)],
])('refuses %s', (_, secret, owner, change) => {
  const sealed = change(box.seal('schedule-1', 'whsec_geheim'))
  expect(() => new SecretBox(secret).open(owner, sealed)).toThrow(expect.objectContaining({ code: 'configuration' }))
})

it('opens what was sealed under an earlier secret of the deployment, and seals it anew under the present one', () => {
  const sealed = box.seal('schedule-1', 'whsec_geheim')
  const next = new SecretBox('the-next-secret-of-the-deployment-0123', [
    'another-one-that-was-0123456789012345',
    deployment,
  ])
  expect(next.open('schedule-1', sealed)).toBe('whsec_geheim')
  const anew = next.reseal('schedule-1', sealed) ?? Buffer.of()
  expect(new SecretBox('the-next-secret-of-the-deployment-0123').open('schedule-1', anew)).toBe('whsec_geheim')
  expect(next.reseal('schedule-1', anew)).toBeUndefined()
  expect(() => next.open('schedule-2', sealed)).toThrow(expect.objectContaining({ code: 'configuration' }))
})
