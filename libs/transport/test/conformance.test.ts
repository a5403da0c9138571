import { describe, it } from 'vitest'
import { carriers } from './_carriers.ts'
import { conformanceCases } from './_conformance-cases.ts'

for (const carrier of carriers) {
  for (const binary of [true, false]) {
    describe(`over ${carrier.name}, ${binary ? 'protobuf' : 'JSON'}`, () => {
      for (const { name, check, ...options } of conformanceCases) {
        it(name, async () => {
          await using open = await carrier.open({ ...options, binary })
          await check(open.transport)
        })
      }
    })
  }
}
