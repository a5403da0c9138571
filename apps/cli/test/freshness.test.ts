import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { fromBinary } from '@bufbuild/protobuf'
import { ReadFieldsRequestSchema, type ReadFieldsRequest } from '@qcore/contracts'
import { expect, it } from 'vitest'
import { terminal } from './_terminal.ts'

it('a command sees what the one before it did: it asks for the latest', async () => {
  const requests: ReadFieldsRequest[] = []
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      requests.push(fromBinary(ReadFieldsRequestSchema, body))
      response.writeHead(404).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await terminal(['get', 'lamp', 'Level'], { env: { Q_URL: `http://127.0.0.1:${port}`, Q_TOKEN: 't' } })
  server.close()
  expect(requests.map(({ consistency }) => consistency?.demand)).toEqual([{ case: 'latest', value: true }])
})
