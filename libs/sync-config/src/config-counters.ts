/** What an instance has done since it was opened. */
export class ConfigCounters {
  /** Announcements of this store. */
  notifications = 0
  /** Changes of values. */
  changes = 0
  /** Comparisons that found a difference. */
  mismatches = 0
  /** Differences that were repaired, by reading the buckets in which they are. */
  repairs = 0
  /** Times that everything was read anew after the start. */
  reloads = 0
  /** Connections after the first. */
  reconnects = 0
  /** Callbacks that threw. */
  callbackErrors = 0
}
