import type { DescService } from '@bufbuild/protobuf'
import * as contracts from '@qcore/contracts'

/** Every service of the platform, from the descriptors: what is added to a proto is forwarded. */
export const platformServices: readonly DescService[] = Object.values(contracts)
  .filter((entry) => typeof entry === 'object' && 'kind' in entry && entry.kind === 'service')
  .filter(({ typeName }) => typeName.startsWith('qcore.'))
