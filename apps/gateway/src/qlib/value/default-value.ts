import type { WireType, WireValue } from './wire-value.ts'

const defaults: Readonly<Record<WireType, WireValue['raw']>> = {
  Int: 0n,
  Choice: 0n,
  Float: 0,
  Bool: false,
  String: '',
  BinaryFile: '',
  EntityReference: '',
  Transformation: '',
  Timestamp: undefined,
  EntityList: [],
}

/** What qlib writes where a request has no value. */
export function defaultValue(type: WireType): WireValue {
  return { type, raw: defaults[type] } as WireValue
}
