import type { DescService } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { CommitService, ReadService, TokenService, WatchService } from './index.ts'
import { isStoreName, logStreamName, logSubject, methodSubject, serviceShortName, undeliveredSubject } from './names.ts'

const services: DescService[] = [ReadService, CommitService, WatchService, TokenService]

describe('subjects', () => {
  it('are q.<store>.<version>.<service>.<Method>', () => {
    expect(methodSubject('main', ReadService.method.readFields)).toBe('q.main.v1.read.ReadFields')
    expect(methodSubject('plant_2', TokenService.method.mintToken)).toBe('q.plant_2.v1.token.MintToken')
    expect(logSubject('main')).toBe('q.main.log')
    expect(undeliveredSubject('main', 't')).toBe('q.main.sub.t.undelivered')
    expect(logStreamName('main')).toBe('Q_main_LOG')
  })

  it('differ for all methods of all services', () => {
    const subjects = services.flatMap((service) => service.methods.map((method) => methodSubject('main', method)))
    expect(new Set(subjects).size).toBe(subjects.length)
    expect(new Set(services.map(serviceShortName)).size).toBe(services.length)
  })
})

describe('isStoreName', () => {
  it('takes what can be a schema and a part of a subject', () => {
    expect(['main', 'a', 'plant_2', 'x'.repeat(40)].every(isStoreName)).toBe(true)
    expect(['', 'Main', '2nd', 'a.b', 'a-b', 'a b', 'x'.repeat(41), 'é'].some(isStoreName)).toBe(false)
  })
})
