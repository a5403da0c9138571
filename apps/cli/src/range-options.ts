import type { CommitListOptions } from '@qcore/client'
import { InvalidArgumentError, type Command } from 'commander'

/** What is shown of a history unless more is asked for. */
const defaultLimit = 50

export interface RangeOptions {
  oldest?: boolean
  from?: number
  to?: number
  limit: number
}

/** Adds the options of a command that lists a part of the log. */
export function addRangeOptions(command: Command): Command {
  return command
    .option('--oldest', 'the oldest first; otherwise the newest')
    .option('--from <revision>', 'from this revision on', wholeNumber)
    .option('--to <revision>', 'up to this revision', wholeNumber)
    .option('--limit <number>', 'at most so many', wholeNumber, defaultLimit)
}

export function rangeOf({ oldest = false, from, to, limit }: RangeOptions): CommitListOptions {
  return {
    first: oldest ? 'oldest' : 'newest',
    limit,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It is a whole number from 1 on.')
  return Number(text)
}
