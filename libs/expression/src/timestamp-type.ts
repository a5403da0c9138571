import { objectType } from '@bufbuild/cel'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'

/** The type of an instant. */
export const timestampType = objectType(TimestampSchema)
