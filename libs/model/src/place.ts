import { limits } from './limits.ts'

/** Digits in the order of their bytes. */
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const zero = '0'
const firstPlace = 'a0'

/**
 * A place between two others, as text that compares by its bytes; `''` stands for the begin, or for the end. What always
 * comes last, or first, gets short places; a place that is halved again and again grows by a character in six times.
 *
 * A place is a whole number, whose first letter says how many digits follow (`a` one, `b` two, …; `Z` one below zero, …),
 * and a fraction without trailing zeros.
 */
export function placeBetween(after: string, before: string): string {
  if (after !== '' && before !== '' && after >= before)
    throw new Error(`there is no place between ${after} and ${before}`)
  if (after === '' && before === '') return firstPlace
  if (after === '') {
    const whole = wholeOf(before)
    const fraction = before.slice(whole.length)
    const previous = fraction === '' ? decrement(whole) : whole
    return previous ?? whole + midpoint('', fraction)
  }
  const whole = wholeOf(after)
  const fraction = after.slice(whole.length)
  if (before === '') return increment(whole) ?? whole + midpoint(fraction, '')
  const wholeBefore = wholeOf(before)
  if (whole === wholeBefore) return whole + midpoint(fraction, before.slice(wholeBefore.length))
  const next = increment(whole)
  return next !== undefined && next < before ? next : whole + midpoint(fraction, '')
}

/** Whether a text is a place. */
export function isPlace(text: string): boolean {
  if (text.length > limits.placeLength || !/^[A-Za-z][0-9A-Za-z]+$/.test(text)) return false
  const whole = wholeOf(text)
  return text.length === whole.length || (text.length > whole.length && !text.endsWith(zero))
}

function wholeOf(place: string): string {
  const head = place.charCodeAt(0)
  const length = head >= 97 ? head - 97 + 2 : 90 - head + 2
  return place.slice(0, length)
}

/** Undefined: there is no greater one. */
function increment(whole: string): string | undefined {
  const [head = '', ...rest] = whole
  for (let index = rest.length - 1; index >= 0; index--) {
    const digit = digits.indexOf(rest[index] ?? '') + 1
    if (digit < digits.length) {
      rest[index] = digits.charAt(digit)
      return head + rest.join('')
    }
    rest[index] = zero
  }
  if (head === 'Z') return firstPlace
  if (head === 'z') return undefined
  const next = String.fromCharCode(head.charCodeAt(0) + 1)
  return next + (next > 'a' ? rest.join('') + zero : rest.slice(1).join(''))
}

/** Undefined: there is no smaller one. */
function decrement(whole: string): string | undefined {
  const [head = '', ...rest] = whole
  const last = digits.charAt(digits.length - 1)
  for (let index = rest.length - 1; index >= 0; index--) {
    const digit = digits.indexOf(rest[index] ?? '') - 1
    if (digit >= 0) {
      rest[index] = digits.charAt(digit)
      return head + rest.join('')
    }
    rest[index] = last
  }
  if (head === 'a') return `Z${last}`
  if (head === 'A') return undefined
  const next = String.fromCharCode(head.charCodeAt(0) - 1)
  return next + (next < 'Z' ? rest.join('') + last : rest.slice(1).join(''))
}

/** A fraction between two; an empty one is 0 below, and 1 above. */
function midpoint(low: string, high: string): string {
  if (high !== '') {
    let same = 0
    while ((low[same] ?? zero) === high[same]) same++
    if (same > 0) return high.slice(0, same) + midpoint(low.slice(same), high.slice(same))
  }
  const lowDigit = low === '' ? 0 : digits.indexOf(low.charAt(0))
  const highDigit = high === '' ? digits.length : digits.indexOf(high.charAt(0))
  if (highDigit - lowDigit > 1) return digits.charAt((lowDigit + highDigit) >> 1)
  if (high.length > 1) return high.charAt(0)
  return digits.charAt(lowDigit) + midpoint(low.slice(1), '')
}
