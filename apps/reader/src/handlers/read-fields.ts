import { create } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'
import type { HandlerContext } from '@connectrpc/connect'
import { ReadFieldsResponseSchema, type ReadFieldsRequest, type ReadFieldsResponse } from '@qcore/contracts'
import type { ReaderContext } from '../context.ts'
import { EncodedResults } from '../field/encoded-results.ts'
import { fieldResult } from '../field/field-result.ts'
import { whenFresh } from '../freshness.ts'
import { viewOf } from '../view.ts'
import { takesBinary } from '../takes-binary.ts'
import { answerPast } from '../past/read-past.ts'
import { asOfOf } from '../past/revision-as-of.ts'

export function readFields(
  reader: ReaderContext,
  request: ReadFieldsRequest,
  caller: HandlerContext,
): ReadFieldsResponse | Promise<ReadFieldsResponse> {
  const { replica } = reader
  const asOf = asOfOf(request.consistency)
  if (asOf !== undefined) {
    return answerPast(reader, asOf, caller, ({ revision, types, present, read }) => {
      const view = viewOf(caller, present, types)
      return read((source) => {
        const results = request.reads.map((each, index) => fieldResult(view.of(source), each, index))
        return create(ReadFieldsResponseSchema, { revision: BigInt(revision), results })
      })
    })
  }
  const isBinary = takesBinary(caller)
  return whenFresh(reader, request.consistency, caller, () =>
    replica.read((source, types) => {
      const visible = viewOf(caller, types).of(source)
      const response = create(ReadFieldsResponseSchema)
      response.revision = BigInt(replica.feed.appliedRevision)
      if (isBinary) {
        const results = new EncodedResults()
        for (const [index, read] of request.reads.entries()) results.add({ cache: source, visible }, read, index)
        setEncodedResults(response, results.finish())
      } else {
        response.results = request.reads.map((read, index) => fieldResult(visible, read, index))
      }
      return response
    }, caller),
  )
}

/**
 * Results that are encoded already go into the message as a field that it does not know, which the encoder writes as it
 * is: decoded, they are `results` again. The encoder writes the tag of the first.
 */
function setEncodedResults(response: ReadFieldsResponse, results: Uint8Array | undefined): void {
  if (results === undefined) return
  const data = results.subarray(1)
  response.$unknown = [{ no: ReadFieldsResponseSchema.field.results.number, wireType: WireType.LengthDelimited, data }]
}
