/** Exit codes of the program. Stable: scripts depend on them. */
export const EXIT_OK = 0
/** It failed at run time. */
export const EXIT_FAILURE = 1
/** The configuration or the command line is wrong; nothing was started. */
export const EXIT_CONFIGURATION = 2
