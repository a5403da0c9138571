import type { DialectPackage } from '../message/dialect-package.ts'
import type { WireType } from './wire-value.ts'

/**
 * The type that a dialect has for a field: the first knows no Choice, which is the number of its option there; the second
 * no Transformation, which is a text there.
 */
export function shownType(type: WireType, dialect: DialectPackage): WireType {
  if (dialect === 'protobufs') return type === 'Choice' ? 'Int' : type
  return type === 'Transformation' ? 'String' : type
}

/** How a schema names a type: `protobufs.Int`, and `int` in the later dialect. */
export function shownTypeName(type: WireType, dialect: DialectPackage): string {
  const shown = shownType(type, dialect)
  return dialect === 'protobufs' ? `protobufs.${shown}` : shown.charAt(0).toLowerCase() + shown.slice(1)
}
