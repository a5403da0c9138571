import {
  WebRuntimeSortedSetAddRequestSchema,
  WebRuntimeSortedSetAddResponseSchema,
  WebRuntimeSortedSetRangeByScoreWithScoresRequestSchema,
  WebRuntimeSortedSetRangeByScoreWithScoresResponseSchema,
  WebRuntimeSortedSetRemoveRangeByRankRequestSchema,
  WebRuntimeSortedSetRemoveRangeByRankResponseSchema,
  WebRuntimeSortedSetRemoveRequestSchema,
  WebRuntimeSortedSetRemoveResponseSchema,
  WebRuntimeTempDelRequestSchema,
  WebRuntimeTempDelResponseSchema,
  WebRuntimeTempExpireRequestSchema,
  WebRuntimeTempExpireResponseSchema,
  WebRuntimeTempGetRequestSchema,
  WebRuntimeTempGetResponseSchema,
  WebRuntimeTempSetRequestSchema,
  WebRuntimeTempSetResponseSchema,
} from '@qcore/contracts/legacy/protobufs'
import { route } from '../message/route.ts'

/** The requests by which the programs of December 2024 elect their leaders. */
export const temporaryRoutes = [
  route(WebRuntimeTempSetRequestSchema, WebRuntimeTempSetResponseSchema, {
    turn: 'change',
    run: async ({ temporary }, { key, value, expirationMs }) => ({
      success: await temporary.set(key, value, expirationMs),
    }),
  }),
  route(WebRuntimeTempGetRequestSchema, WebRuntimeTempGetResponseSchema, {
    turn: 'read',
    run: async ({ temporary }, { key }) => ({ value: await temporary.get(key) }),
  }),
  route(WebRuntimeTempExpireRequestSchema, WebRuntimeTempExpireResponseSchema, {
    turn: 'change',
    run: async ({ temporary }, { key, expirationMs }) => {
      await temporary.expire(key, expirationMs)
      return {}
    },
  }),
  route(WebRuntimeTempDelRequestSchema, WebRuntimeTempDelResponseSchema, {
    turn: 'change',
    run: async ({ temporary }, { key }) => {
      await temporary.delete(key)
      return {}
    },
  }),
  route(WebRuntimeSortedSetAddRequestSchema, WebRuntimeSortedSetAddResponseSchema, {
    turn: 'change',
    run: async ({ temporary }, { key, member, score }) => ({
      result: (await temporary.add(key, member, score)) ? 1n : 0n,
    }),
  }),
  route(WebRuntimeSortedSetRemoveRequestSchema, WebRuntimeSortedSetRemoveResponseSchema, {
    turn: 'change',
    run: async ({ temporary }, { key, member }) => ({ result: (await temporary.remove(key, member)) ? 1n : 0n }),
  }),
  route(WebRuntimeSortedSetRemoveRangeByRankRequestSchema, WebRuntimeSortedSetRemoveRangeByRankResponseSchema, {
    turn: 'change',
    run: async ({ temporary }, { key, start, stop }) => ({ result: await temporary.removeByRank(key, start, stop) }),
  }),
  route(
    WebRuntimeSortedSetRangeByScoreWithScoresRequestSchema,
    WebRuntimeSortedSetRangeByScoreWithScoresResponseSchema,
    {
      turn: 'read',
      run: async ({ temporary }, { key, min, max }) => ({ members: await temporary.list(key, min, max) }),
    },
  ),
]
