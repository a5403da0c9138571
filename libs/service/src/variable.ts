import { z } from 'zod'

/** A setting that comes from an environment variable. */
export interface Variable<T> {
  /** The environment variable. */
  readonly name: string
  readonly schema: z.ZodType<T>
  /** For docs/configuration.md: what it is, with its unit. */
  readonly description: string
  /** The value is never printed, and may come from the file that `<name>_FILE` names. */
  readonly secret: boolean
  /** The default as it would be written in the environment; absent if there is none. */
  readonly defaultText?: string
}

export interface VariableOptions {
  secret?: boolean
  /** The default as it would be written in the environment. */
  default?: string
}

/** Declares a setting. The schema gets the text of the variable. */
export function variable<T>(
  name: string,
  schema: z.ZodType<T>,
  description: string,
  options: VariableOptions = {},
): Variable<T> {
  return {
    name,
    schema,
    description,
    secret: options.secret ?? false,
    ...(options.default === undefined ? {} : { defaultText: options.default }),
  }
}

/** A whole number in a range. */
export function wholeNumber(least: number, most: number): z.ZodType<number> {
  return z
    .string()
    .regex(/^\d+$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `is not between ${least} and ${most}`)
}

/** `true` or `false`. */
export function truth(): z.ZodType<boolean> {
  return z.enum(['true', 'false'], 'is neither true nor false').transform((text) => text === 'true')
}

/** `host:port`, as `{ host, port }`. */
export function hostAndPort(): z.ZodType<{ host: string; port: number }> {
  return z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'is not host:port')
    .transform((text) => {
      const colon = text.lastIndexOf(':')
      return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
    })
    .refine(({ port }) => port <= 65_535, 'has a port above 65535')
}

/** A URL of one of some protocols (`postgres:`), kept as text. */
export function address(...protocols: string[]): z.ZodType<string> {
  return z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `is not a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    )
}

/** Free text. */
export function text(): z.ZodType<string> {
  return z.string()
}

/** One of a few words. */
export function oneOf<const W extends [string, ...string[]]>(words: W): z.ZodType<W[number]> {
  return z.enum(words, `is not one of ${words.join(', ')}`)
}
