/** The times of a day that a rule allows: every combination of its hours, minutes and seconds, in order. */
export class TimeOfDaySet {
  readonly hours: readonly number[]
  readonly minutes: readonly number[]
  readonly seconds: readonly number[]
  readonly size: number

  /** The lists are sorted and without duplicates. */
  constructor(hours: readonly number[], minutes: readonly number[], seconds: readonly number[]) {
    this.hours = hours
    this.minutes = minutes
    this.seconds = seconds
    this.size = hours.length * minutes.length * seconds.length
  }

  /** The second of the day of the time with this index. */
  at(index: number): number {
    const perMinute = this.seconds.length
    const perHour = perMinute * this.minutes.length
    const hour = this.hours[Math.floor(index / perHour)] ?? Number.NaN
    const minute = this.minutes[Math.floor((index % perHour) / perMinute)] ?? Number.NaN
    const second = this.seconds[index % perMinute] ?? Number.NaN
    return hour * 3600 + minute * 60 + second
  }
}
