import { BlockList, isIP } from 'node:net'
import { QError } from '@qcore/errors'

/** Addresses that are not those of the public internet: IANA's special-purpose registries, and what embeds such addresses. */
const notPublic = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] as const

/** The address is not one that requests may go to. */
export class EgressRefused extends Error {
  override readonly name = 'EgressRefused'

  constructor(host: string) {
    super(`${host} is at an address that requests may not go to`)
  }
}

/** An IPv4 address in IPv6. */
const mappedPattern = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** Which addresses requests may go to. */
export class EgressRules {
  readonly #blocked = blockListOf(notPublic, '')
  readonly #allowed: BlockList

  /**
   * @param allowed addresses and networks (`10.1.0.0/16`) that are allowed though they are not public
   * @throws QError `configuration`
   */
  constructor(allowed: readonly string[]) {
    this.#allowed = blockListOf(allowed, 'Q_EGRESS_ALLOW')
  }

  allows(address: string): boolean {
    const plain = mappedPattern.exec(address)?.[1] ?? address
    const version = isIP(plain)
    if (version === 0) return false
    const family = version === 4 ? 'ipv4' : 'ipv6'
    return this.#allowed.check(plain, family) || !this.#blocked.check(plain, family)
  }
}

function blockListOf(networks: readonly string[], field: string): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const version = isIP(address)
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix)
    if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 4 ? 32 : 128)) {
      throw new QError('configuration', `${field}: ${JSON.stringify(network)} is no address or network`, { field })
    }
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}
