export { decodeValue, parseValue } from './decode-value.ts'
export { encodeValue } from './encode-value.ts'
export type { JsonArray, JsonObject, JsonValue } from './json-value.ts'
