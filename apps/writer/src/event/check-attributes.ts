import { QError } from '@qcore/errors'
import { ownAttributes } from '@qcore/model'

const mostBytes = 1_024

/**
 * Checks what the rules of the proto do not say of further attributes.
 *
 * @throws QError `invalid_request`
 */
export function checkAttributes(attributes: Readonly<Record<string, string>>, path: string): void {
  for (const [name, value] of Object.entries(attributes)) {
    const field = `${path}["${name}"]`
    if (ownAttributes.has(name)) {
      throw new QError('invalid_request', `the attribute ${name} stands for another field of the event`, { field })
    }
    if (/\p{Cc}/u.test(value)) throw new QError('invalid_request', 'an attribute has no control characters', { field })
    if (Buffer.byteLength(value) > mostBytes) {
      throw new QError('invalid_request', `an attribute has at most ${mostBytes} bytes`, { field })
    }
  }
}
