/** Thrown by a commit that cannot go into the statement of the commits before it: it begins the next group. */
export class GroupBreak extends Error {
  override readonly name = 'GroupBreak'
}
