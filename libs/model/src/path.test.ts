import { describe, expect, it } from 'vitest'
import { parsePath } from './path.ts'

describe('parsePath', () => {
  it('takes a path apart', () => {
    expect(parsePath('Status', 'path')).toEqual({ steps: [], field: 'Status' })
    expect(parsePath('Parent->Items->0->Name', 'path')).toEqual({ steps: ['Parent', 'Items', '0'], field: 'Name' })
  })

  it.each(['', '->', 'A->', '->A', 'A->->B', 'A -> B', ' A', 'a->b->c->d->e->f->g->h->i'])('refuses %j', (path) => {
    expect(() => parsePath(path, 'reads[2].path')).toThrowError(
      expect.objectContaining({ code: 'invalid_path', field: 'reads[2].path' }),
    )
  })

  it('takes the longest path', () => {
    expect(parsePath('a->b->c->d->e->f->g->h', 'path').steps).toHaveLength(7)
  })
})
