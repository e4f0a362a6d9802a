/** Channels and users as applications name them, for the scripts on limits. */

export const SUBJECT_COUNT = 1_000

export const SUBJECTS = Array.from({ length: SUBJECT_COUNT }, (_, index) => ({
  channel: `private-room-${index}-of-the-house`,
  user: `user-${1_000_000 + index}`,
}))
