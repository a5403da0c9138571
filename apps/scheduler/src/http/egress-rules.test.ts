import { describe, expect, it } from 'vitest'
import { EgressRules } from './egress-rules.ts'

/** The address in a URL, as a request would take it. */
function addressIn(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}

describe('requests may not go to', () => {
  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://①②⑦.0.0.1/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://100.64.0.1/',
    'http://169.254.169.254/',
    'http://172.31.255.255/',
    'http://192.168.0.1/',
    'http://255.255.255.255/',
    'http://224.0.0.1/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::ffff:7f00:1]/',
    'http://[::7f00:1]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[2002:7f00:1::]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[ff02::1]/',
    'http://[2001:db8::1]/',
  ])('%s', (url) => {
    expect(new EgressRules([]).allows(addressIn(url))).toBe(false)
  })

  it('what is no address', () => {
    expect(new EgressRules([]).allows('localhost')).toBe(false)
  })
})

it.each(['http://8.8.8.8/', 'http://[2606:4700:4700::1111]/', 'http://[::ffff:8.8.8.8]/', 'http://172.32.0.1/'])(
  'requests may go to %s',
  (url) => {
    expect(new EgressRules([]).allows(addressIn(url))).toBe(true)
  },
)

it('networks that are allowed are, and no others', () => {
  const rules = new EgressRules(['127.0.0.1', '10.1.0.0/16', 'fd00::/8'])
  expect(['127.0.0.1', '10.1.255.255', 'fd12::1', '::ffff:127.0.0.1'].map((each) => rules.allows(each))).toEqual(
    Array.from({ length: 4 }, () => true),
  )
  expect(['127.0.0.2', '10.2.0.0', '192.168.0.1'].some((each) => rules.allows(each))).toBe(false)
})

it.each(['10.0.0.0/33', 'localhost', '127.0.0.1:8080', '10.0.0.0/x', '::/129'])('%s is no network', (network) => {
  const message = `Q_EGRESS_ALLOW: ${JSON.stringify(network)} is no address or network`
  expect(() => new EgressRules([network])).toThrow(expect.objectContaining({ field: 'Q_EGRESS_ALLOW', message }))
})
