import { QError } from '@qcore/errors'

const longestKey = 200
const longestHolder = 128
const longestLeaseMs = 86_400_000
// eslint-disable-next-line no-control-regex
const controlCharacters = /[\u0000-\u001f\u007f]/

/** @throws QError `invalid_request`, whose `field` names the part */
export function checkNames({ key, holder }: { readonly key: string; readonly holder: string }): void {
  checkText('key', key, longestKey)
  checkText('holder', holder, longestHolder)
}

/** @throws QError `invalid_request` */
export function checkDuration(field: string, ms: number): void {
  if (Number.isInteger(ms) && ms > 0 && ms <= longestLeaseMs) return
  throw new QError('invalid_request', `${field} is not a whole number of 1 to ${longestLeaseMs} ms`, { field })
}

function checkText(field: string, text: string, longest: number): void {
  if (text.length > 0 && text.length <= longest && !controlCharacters.test(text)) return
  throw new QError('invalid_request', `the ${field} is not 1 to ${longest} characters without control characters`, {
    field,
  })
}
