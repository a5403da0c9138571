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
