/** The names of MQTT users, as clients send them before the last `@` of their user name. */

/**
 * Free of what means something in a topic (`/`, `+`, `#`), because rules put the name into one. An
 * address fits: only the last `@` of a user name ends it.
 */
export const MQTT_USER_NAME = /^[A-Za-z0-9._:@~=-]{1,100}$/
export const MQTT_USER_NAME_SHAPE = '1 to 100 of `A-Z a-z 0-9 . _ : @ ~ = -`'

/** Of the rule set that narrows such a user. */
export const RULE_SET_NAME = /^[A-Za-z0-9_-]{1,64}$/

/** What begins like this is read as a connection token, so it is no password. */
export const CONNECTION_TOKEN_PREFIX = 'tkn_'
