/**
 * What a key can hold: JSON. An integer outside ±(2^53 − 1) is a bigint; every other number is a number. Values that come out of a
 * store are frozen, all the way down.
 */
export type JsonValue = null | boolean | number | bigint | string | JsonArray | JsonObject
export type JsonArray = readonly JsonValue[]
export interface JsonObject {
  readonly [name: string]: JsonValue
}
